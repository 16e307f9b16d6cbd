import { B3Digest } from '@tvix/castore';
import type { Damage, LostRecord } from '@tvix/castore';
import { StorePath } from '@tvix/nar';
import { StoreError } from '../errors.ts';
import type {
  PathDamage,
  VerifyStoreProgress,
  VerifyStoreResult,
} from '../local-care/verify.ts';
import type { VerifyResponse } from '../proto/index.ts';
import type { RepairStoreResult } from './store-care.ts';

type Event = NonNullable<VerifyResponse['event']>;
type Value<Case extends Event['$case']> = Extract<
  Event,
  { $case: Case }
>['value'];

const NOTHING = new Uint8Array(0);

const DAMAGED = [
  'index',
  'pack',
  'table-entry',
  'chunk',
  'recipe',
  'directory',
] as const;
const LOST = ['table-entry', 'chunk', 'recipe', 'directory'] as const;
const FAULTS = ['missing', 'wrong', 'unreadable', 'incomplete'] as const;
const PATH_FAULTS = ['incomplete', 'wrong', 'unreadable'] as const;

/** How far a verification has come, as a message. */
export function verifyProgressToMessage(
  progress: VerifyStoreProgress,
): Value<'progress'> {
  const { records, bytes, paths } = progress;
  return {
    records: BigInt(records),
    bytes: BigInt(bytes),
    paths: BigInt(paths),
  };
}

/** The message as what it says. */
export function verifyProgressFromMessage(
  progress: Value<'progress'>,
): VerifyStoreProgress {
  const { records, bytes, paths } = progress;
  return {
    records: Number(records),
    bytes: Number(bytes),
    paths: Number(paths),
  };
}

/** A damage, as a message. */
export function damageToMessage(damage: Damage | PathDamage): Value<'damage'> {
  const { what, fault, message } = damage;
  const isPath = damage.what === 'path-info';
  return {
    what,
    fault,
    message,
    digest: isPath ? NOTHING : (damage.digest?.bytes ?? NOTHING),
    storePath: isPath ? (damage.storePath?.toString() ?? '') : '',
    pack: isPath ? 0n : BigInt(damage.pack ?? 0),
  };
}

/** @throws StoreError `store/protocol` */
export function damageFromMessage(
  damage: Value<'damage'>,
): Damage | PathDamage {
  const { what, fault, digest, storePath, pack, message } = damage;
  if (what === 'path-info')
    return {
      what,
      fault: oneOf(PATH_FAULTS, fault),
      storePath: storePath === '' ? undefined : StorePath.parse(storePath),
      message,
    };
  return {
    what: oneOf(DAMAGED, what),
    fault: oneOf(FAULTS, fault),
    digest: digestFrom(digest),
    pack: pack === 0n ? undefined : Number(pack),
    message,
  };
}

/** A lost record, as a message. */
export function lostToMessage({
  what,
  digest,
  table,
  key,
}: LostRecord): Value<'lost'> {
  return {
    what,
    digest: digest?.bytes ?? NOTHING,
    table: table ?? '',
    key: key ?? NOTHING,
  };
}

/** @throws StoreError `store/protocol` */
export function lostFromMessage(lost: Value<'lost'>): LostRecord {
  const isTable = lost.what === 'table-entry';
  return {
    what: oneOf(LOST, lost.what),
    digest: digestFrom(lost.digest),
    table: isTable ? lost.table : undefined,
    key: isTable ? lost.key : undefined,
  };
}

/** Of a repair, what was lost aside: that goes by itself. */
export function verifyResultToMessage(
  result: VerifyStoreResult & Partial<RepairStoreResult>,
): Value<'result'> {
  return {
    records: BigInt(result.records),
    bytes: BigInt(result.bytes),
    damages: BigInt(result.damages),
    unreferenced: BigInt(result.unreferenced),
    paths: BigInt(result.paths),
    damagedPaths: BigInt(result.damagedPaths),
    indexDamaged: result.isIndexDamaged ?? false,
    indexRebuilt: result.isIndexRebuilt ?? false,
    quarantinedPacks: BigInt(result.quarantinedPacks ?? 0),
  };
}

/** The message as what it says. */
export function verifyResultFromMessage(
  result: Value<'result'>,
): VerifyStoreResult {
  return {
    records: Number(result.records),
    bytes: Number(result.bytes),
    damages: Number(result.damages),
    unreferenced: Number(result.unreferenced),
    paths: Number(result.paths),
    damagedPaths: Number(result.damagedPaths),
  };
}

/** The message as what it says, with what was lost. */
export function repairResultFromMessage(
  result: Value<'result'>,
  lost: readonly LostRecord[],
): RepairStoreResult {
  return {
    ...verifyResultFromMessage(result),
    isIndexDamaged: result.indexDamaged,
    isIndexRebuilt: result.indexRebuilt,
    quarantinedPacks: Number(result.quarantinedPacks),
    lost,
  };
}

function digestFrom(bytes: Uint8Array): B3Digest | undefined {
  return bytes.length === 0 ? undefined : B3Digest.fromBytes(bytes);
}

function oneOf<T extends string>(known: readonly T[], found: string): T {
  const value = known.find((name) => name === found);
  if (value !== undefined) return value;
  throw new StoreError(
    'store/protocol',
    `remote: expected one of ${known.join(', ')}, found ${JSON.stringify(found)}`,
  );
}
