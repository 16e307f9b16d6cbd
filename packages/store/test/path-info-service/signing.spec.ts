import { beforeAll, describe, expect, it } from '@jest/globals';
import { fingerprint, SecretKey } from '@tvix/nar';
import { PathInfo } from '../../src/path-info/path-info.ts';
import { MemoryPathInfoService } from '../../src/path-info-service/memory.ts';
import {
  isSignedByAny,
  mergeSignatures,
  PathSigner,
  SigningPathInfoService,
} from '../../src/path-info-service/signing.ts';
import { addTree, memoryServices } from '../binary-cache/started-cache.ts';
import { storeTree } from '../fixtures.ts';

let a: SecretKey;
let b: SecretKey;
let pathInfo: PathInfo;

beforeAll(async () => {
  [a, b] = [await SecretKey.generate('a'), await SecretKey.generate('b')];
  const services = memoryServices();
  const node = await storeTree('complicated', services);
  pathInfo = await addTree(services, 'x', node);
});

const names = (of: PathInfo): string[] =>
  of.narInfo!.signatures.map(({ name }) => name);

describe('a signer', () => {
  it('signs with each of its keys, so that each verifies', async () => {
    const signer = new PathSigner([a, b]);
    const signed = await signer.sign(pathInfo);
    expect(names(signed)).toStrictEqual(['a', 'b']);
    const text = fingerprint({
      storePath: signed.storePath,
      ...signed.narInfo!,
    });
    for (const [i, key] of signer.publicKeys.entries()) {
      const { name, data } = signed.narInfo!.signatures[i]!;
      expect(await key.verify(text, { name, bytes: data })).toBe(true);
    }
  });

  it('leaves what it has signed as it is', async () => {
    const signer = new PathSigner([a]);
    const signed = await signer.sign(pathInfo);
    expect(await signer.sign(signed)).toBe(signed);
  });

  it('replaces a signature by the name of its key that does not verify, and keeps those of others', async () => {
    const narInfo = pathInfo.narInfo!;
    const wrong = [
      { name: 'a', data: new Uint8Array(64) },
      { name: 'other', data: new Uint8Array(64) },
    ];
    const forged = PathInfo.create(pathInfo.storePath, pathInfo.node, {
      ...narInfo,
      signatures: wrong,
    });
    const signed = await new PathSigner([a]).sign(forged);
    expect(names(signed)).toStrictEqual(['other', 'a']);
    expect(await isSignedByAny(signed, [a.publicKey])).toBe(true);
    expect(await isSignedByAny(forged, [a.publicKey, b.publicKey])).toBe(false);
  });

  it('has nothing to sign where nothing is known of the NAR', async () => {
    const bare = PathInfo.createBare(pathInfo.storePath, pathInfo.node);
    expect(await new PathSigner([a]).sign(bare)).toBe(bare);
  });
});

describe('a service that signs', () => {
  it('signs what is put', async () => {
    const inner = new MemoryPathInfoService();
    const service = new SigningPathInfoService(inner, new PathSigner([b]));
    expect(names(await service.put(pathInfo))).toStrictEqual(['b']);
    const found = await service.get(pathInfo.storePath.digest);
    expect(names(found!)).toStrictEqual(['b']);
    const listed: string[] = [];
    for await (const each of service.list())
      listed.push(each.storePath.toString());
    expect(listed).toStrictEqual([pathInfo.storePath.toString()]);
  });
});

describe('merged signatures', () => {
  it('are those of both, each once, sorted by name', async () => {
    const [ofA, ofB] = [
      await new PathSigner([a]).sign(pathInfo),
      await new PathSigner([b]).sign(pathInfo),
    ];
    const merged = mergeSignatures(ofB, ofA.narInfo!.signatures);
    expect(names(merged)).toStrictEqual(['a', 'b']);
    expect(mergeSignatures(merged, ofB.narInfo!.signatures)).toBe(merged);
  });
});
