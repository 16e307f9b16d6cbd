import { describe, expect, it } from '@jest/globals';
import { ClientError, ServerError, Status } from 'nice-grpc';
import { CastoreError } from '../../src/errors.ts';
import type { CastoreErrorCode } from '../../src/errors.ts';
import { failureToStatus, statusToFailure } from '../../src/grpc/index.ts';
import { isMessageTooLarge } from '../../src/grpc/status.ts';

const method = 'p.Service/Method';
const failure = (code: CastoreErrorCode, details = {}): CastoreError =>
  new CastoreError(code, 'why', { details });

describe('failureToStatus', () => {
  it.each([
    ['castore/invalid-name', Status.INVALID_ARGUMENT, 'why'],
    ['castore/io', Status.DATA_LOSS, 'storage error: why'],
    ['castore/corrupt-blob', Status.DATA_LOSS, 'storage error: why'],
    ['castore/directory-not-found', Status.DATA_LOSS, 'storage error: why'],
    ['castore/no-space', Status.RESOURCE_EXHAUSTED, 'why'],
    ['castore/store-read-only', Status.FAILED_PRECONDITION, 'why'],
    ['castore/unavailable', Status.UNAVAILABLE, 'why'],
    ['castore/undecodable', Status.INTERNAL, 'why'],
  ] as const)('answers %s', (code, status, details) => {
    expect(failureToStatus(failure(code), { method })).toMatchObject({
      code: status,
      details,
    });
  });

  it('answers errors of other packages by their kind', () => {
    const error = Object.assign(new Error('no such path'), {
      code: 'store/invalid-path',
      kind: 'invalid',
    });
    expect(failureToStatus(error, { method })).toMatchObject({
      code: Status.INVALID_ARGUMENT,
      details: 'no such path',
    });
  });

  it('leaves a status as it is', () => {
    const status = new ServerError(Status.NOT_FOUND, 'absent');
    expect(failureToStatus(status, { method, always: Status.INTERNAL })).toBe(
      status,
    );
  });

  it('takes the statuses of a method that departs from the rule', () => {
    const statuses = { missing: Status.NOT_FOUND };
    expect(
      failureToStatus(failure('castore/blob-not-found'), { method, statuses })
        .code,
    ).toBe(Status.NOT_FOUND);
    expect(
      failureToStatus(failure('castore/io'), { method, statuses }).code,
    ).toBe(Status.DATA_LOSS);
    expect(
      failureToStatus(failure('castore/io'), {
        method,
        always: Status.INTERNAL,
      }).code,
    ).toBe(Status.INTERNAL);
  });

  it('passes on the status of a server behind this one, but never its NOT_FOUND', () => {
    const upstream = (grpcStatus: Status): number =>
      failureToStatus(failure('castore/remote', { grpcStatus }), { method })
        .code;
    expect(upstream(Status.PERMISSION_DENIED)).toBe(Status.PERMISSION_DENIED);
    expect(upstream(Status.NOT_FOUND)).toBe(Status.DATA_LOSS);
  });

  it('answers an aborted call with CANCELLED', () => {
    expect(failureToStatus(AbortSignal.abort().reason, { method }).code).toBe(
      Status.CANCELLED,
    );
  });

  it.each([
    new TypeError('x is undefined'),
    'a string',
    undefined,
    null,
    { code: 'ENOENT', kind: 'invalid' },
  ])('tells the peer nothing of %p', (error) => {
    const seen: unknown[] = [];
    const onUnexpectedError = (...args: unknown[]): void =>
      void seen.push(args);
    expect(failureToStatus(error, { method, onUnexpectedError })).toMatchObject(
      {
        code: Status.UNKNOWN,
        details: 'unexpected error',
      },
    );
    expect(seen).toEqual([[error, method]]);
  });

  it('keeps messages short, and such that they can be sent', () => {
    const long = new CastoreError(
      'castore/invalid-name',
      `${'x'.repeat(1023)}\u{1f600}${'x'.repeat(10_000)}`,
    );
    const { details } = failureToStatus(long, { method });
    expect(details.length).toBe(1024);
    expect(() => encodeURI(details)).not.toThrow();
  });
});

describe('statusToFailure', () => {
  const remote = (code: Status, details = 'why'): unknown =>
    statusToFailure(new ClientError('/p/M', code, details));

  it.each([
    [Status.INVALID_ARGUMENT, 'castore/remote-rejected', false],
    [Status.OUT_OF_RANGE, 'castore/limit-exceeded', false],
    [Status.FAILED_PRECONDITION, 'castore/remote-refused', false],
    [Status.PERMISSION_DENIED, 'castore/remote-refused', false],
    [Status.UNAUTHENTICATED, 'castore/remote-refused', false],
    [Status.RESOURCE_EXHAUSTED, 'castore/no-space', false],
    [Status.UNAVAILABLE, 'castore/unavailable', true],
    [Status.CANCELLED, 'castore/unavailable', true],
    [Status.DEADLINE_EXCEEDED, 'castore/unavailable', true],
    [Status.DATA_LOSS, 'castore/remote', false],
    [Status.INTERNAL, 'castore/remote', false],
    [Status.UNIMPLEMENTED, 'castore/remote', false],
    [Status.UNKNOWN, 'castore/remote', false],
  ])('makes status %d %s', (status, code, retryable) => {
    expect(remote(status)).toMatchObject({
      code,
      retryable,
      details: { grpcStatus: status },
      cause: { code: status },
      message: expect.stringMatching(/^remote: .*why/),
    });
  });

  it('tells a message that is too long from a disk that is full', () => {
    const details = 'Received message larger than max (5 vs 4)';
    expect(remote(Status.RESOURCE_EXHAUSTED, details)).toMatchObject({
      code: 'castore/limit-exceeded',
    });
    expect(isMessageTooLarge({ code: Status.UNKNOWN, details })).toBe(false);
    expect(isMessageTooLarge({})).toBe(false);
  });

  it('leaves other errors as they are', () => {
    const error = failure('castore/corrupt-blob');
    expect(statusToFailure(error)).toBe(error);
  });

  it('is the reason of the signal that ended the call', () => {
    const reason = { any: 'thing' };
    expect(
      statusToFailure(
        new ClientError('/p/M', Status.CANCELLED, ''),
        AbortSignal.abort(reason),
      ),
    ).toBe(reason);
  });
});
