import { ServerError, Status } from 'nice-grpc';
import type { ServiceImplementation } from 'nice-grpc';
import type {
  ServerReflectionDefinition,
  ServerReflectionRequest,
  ServerReflectionResponse,
} from '../proto/gen/grpc/reflection/v1/reflection.ts';
import { FILE_DESCRIPTORS, SYMBOLS } from '../proto/gen/descriptors.ts';
import { untilAborted } from './until-aborted.ts';

type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

/**
 * `grpc.reflection.v1.ServerReflection` and, since the messages are the same, `v1alpha`.
 *
 * A question for a file is answered with that file alone, encoded as protoc does; a question that can't be answered ends
 * the stream. Every symbol of every file is known: services, methods, messages, fields, oneofs, enums and their values.
 */
export class ReflectionService implements ServiceImplementation<
  typeof ServerReflectionDefinition
> {
  readonly #services: () => readonly string[];
  readonly #stopping: AbortSignal;

  /**
   * @param services the full names of the services that are served
   * @param stopping ends the streams of clients that have nothing more to ask
   */
  constructor(services: () => readonly string[], stopping: AbortSignal) {
    this.#services = services;
    this.#stopping = stopping;
  }

  async *serverReflectionInfo(
    requests: AsyncIterable<ServerReflectionRequest>,
  ): AsyncGenerator<ServerReflectionResponse, void> {
    for await (const request of untilAborted(requests, this.#stopping)) {
      yield {
        validHost: request.host,
        originalRequest: request,
        messageResponse: this.#answer(request),
      };
    }
  }

  #answer({ messageRequest }: ServerReflectionRequest): Answer {
    switch (messageRequest?.$case) {
      case 'fileByFilename':
        return fileAnswer(messageRequest.value, messageRequest.value);
      case 'fileContainingSymbol':
        return fileAnswer(SYMBOLS[messageRequest.value], messageRequest.value);
      case 'fileContainingExtension':
        throw new ServerError(Status.NOT_FOUND, 'there are no extensions');
      case 'allExtensionNumbersOfType':
        return {
          $case: 'allExtensionNumbersResponse',
          value: { baseTypeName: '', extensionNumber: [] },
        };
      case 'listServices':
        return {
          $case: 'listServicesResponse',
          value: { service: this.#services().map((name) => ({ name })) },
        };
      case undefined:
        throw new ServerError(
          Status.INVALID_ARGUMENT,
          'the request asks for nothing',
        );
    }
  }
}

function fileAnswer(file: string | undefined, asked: string): Answer {
  const descriptor =
    file !== undefined && Object.hasOwn(FILE_DESCRIPTORS, file)
      ? FILE_DESCRIPTORS[file]
      : undefined;
  if (descriptor === undefined)
    throw new ServerError(Status.NOT_FOUND, `"${asked}" not found`);
  return {
    $case: 'fileDescriptorResponse',
    value: { fileDescriptorProto: [Buffer.from(descriptor, 'base64')] },
  };
}
