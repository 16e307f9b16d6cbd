import { type ContentAddress, parseContentAddress } from './content-address.ts';
import { NarError, type NarErrorDetails } from './errors.ts';
import { decodeHex } from './hex.ts';
import type { NarInfo, NarInfoFlag, ParsedNarInfo } from './narinfo.ts';
import { decodeNixBase32 } from './nixbase32.ts';
import { type NarSignature, parseSignature } from './signature.ts';
import { StorePath } from './store-path.ts';

// Every runtime that is meant has it; the package's own compilation assumes no runtime.
declare const TextDecoder: new (
  label: string,
  options: { readonly fatal: boolean; readonly ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const HASH_PREFIX = 'sha256:';
const DERIVER_SUFFIX = '.drv';
const MAX_U64 = 2n ** 64n - 1n;

type Draft = { -readonly [Field in keyof NarInfo]?: NarInfo[Field] };

/**
 * Reads a narinfo file: lines `Key: value`, a final newline being optional, unknown keys ignored.
 *
 * @throws NarError `nar/invalid-narinfo`; the details name the field and one of the reasons `InvalidUtf8`, `InvalidLine`,
 *   `DuplicateField`, `MissingField`, `EmptyField`, `InvalidStorePath`, `MissingPrefixForHash`, `UnableToDecodeHash`,
 *   `UnableToParseSize`, `InvalidReference` (with its index), `InvalidDeriverStorePathMissingSuffix`,
 *   `InvalidDeriverStorePath`, `UnableToParseSignature` (with its index), `UnableToParseCA`
 */
export function parseNarInfo(file: string | Uint8Array): ParsedNarInfo {
  const lines = (typeof file === 'string' ? file : decodeUtf8(file)).split(
    '\n',
  );
  if (lines.at(-1) === '') lines.pop();
  const draft: Draft = {};
  const signatures: NarSignature[] = [];
  const flags = new Set<NarInfoFlag>();
  for (const line of lines) {
    const separator = line.indexOf(':');
    if (separator < 0 || line[separator + 1] !== ' ') {
      throw invalid(
        'InvalidLine',
        `line is not "Key: value": ${line.slice(0, 80)}`,
      );
    }
    const key = line.slice(0, separator);
    const value = line.slice(
      separator + 2,
      line.endsWith('\r') ? -1 : undefined,
    );
    if (key === 'Sig') signatures.push(signature(value, signatures.length));
    else parseField(key, value, draft, flags);
  }
  return complete(draft, signatures, flags);
}

function parseField(
  key: string,
  value: string,
  draft: Draft,
  flags: Set<NarInfoFlag>,
): void {
  const set = <Field extends keyof Draft>(
    field: Field,
    parsed: Exclude<Draft[Field], undefined>,
  ): void => {
    if (draft[field] !== undefined)
      throw invalid('DuplicateField', `${key} is there twice`, { field: key });
    draft[field] = parsed;
  };
  switch (key) {
    case 'StorePath':
      return set(
        'storePath',
        within('InvalidStorePath', key, () =>
          StorePath.fromAbsolutePath(value),
        ),
      );
    case 'URL':
      return set('url', nonEmpty(key, value));
    case 'Compression':
      return set('compression', nonEmpty(key, value));
    case 'FileHash':
      return set('fileSha256', nixBase32Hash(key, hashDigits(key, value)));
    case 'FileSize':
      return set('fileSize', size(key, value));
    case 'NarHash':
      return set('narSha256', narHash(key, value, flags));
    case 'NarSize':
      return set('narSize', size(key, value));
    case 'References':
      return set('references', references(key, value, flags));
    case 'Deriver':
      return set('deriver', deriver(key, value));
    case 'System':
      return set('system', nonEmpty(key, value));
    case 'CA':
      return set(
        'ca',
        within<ContentAddress>('UnableToParseCA', key, () =>
          parseContentAddress(value),
        ),
      );
    default:
      flags.add('unknown-field');
  }
}

function complete(
  draft: Draft,
  signatures: readonly NarSignature[],
  flags: Set<NarInfoFlag>,
): ParsedNarInfo {
  const {
    storePath,
    url,
    narSha256,
    narSize,
    references: refs,
    compression,
    ...optional
  } = draft;
  if (storePath === undefined) throw missing('StorePath');
  if (url === undefined) throw missing('URL');
  if (narSha256 === undefined) throw missing('NarHash');
  if (narSize === undefined) throw missing('NarSize');
  if (refs === undefined) throw missing('References');
  if (compression === undefined) flags.add('compression-default');
  const required = {
    storePath,
    url,
    compression: compression ?? 'bzip2',
    narSha256,
    narSize,
    references: refs,
  };
  return {
    ...(optional as Omit<NarInfo, keyof typeof required>),
    ...required,
    signatures,
    flags,
  };
}

function nonEmpty(field: string, value: string): string {
  if (value === '') throw invalid('EmptyField', `${field} is empty`, { field });
  return value;
}

function hashDigits(field: string, value: string): string {
  if (!value.startsWith(HASH_PREFIX)) {
    throw invalid(
      'MissingPrefixForHash',
      `${field} does not start with ${HASH_PREFIX}: ${value}`,
      { field },
    );
  }
  return value.slice(HASH_PREFIX.length);
}

function nixBase32Hash(field: string, digits: string): Uint8Array {
  return within('UnableToDecodeHash', field, () => decodeNixBase32(digits, 32));
}

function narHash(
  field: string,
  value: string,
  flags: Set<NarInfoFlag>,
): Uint8Array {
  const digits = hashDigits(field, value);
  if (digits.length !== 64) return nixBase32Hash(field, digits);
  const digest = decodeHex(digits);
  if (digest === undefined)
    throw invalid(
      'UnableToDecodeHash',
      `${field} is not lower-case hex: ${value}`,
      { field },
    );
  flags.add('nar-hash-hex');
  return digest;
}

function size(field: string, value: string): bigint {
  const [, digits] = /^\+?0*([0-9]{1,20})$/.exec(value) ?? [];
  const parsed = digits === undefined ? MAX_U64 + 1n : BigInt(digits);
  if (parsed > MAX_U64)
    throw invalid(
      'UnableToParseSize',
      `${field} is no unsigned 64-bit number: ${value}`,
      { field },
    );
  return parsed;
}

function references(
  field: string,
  value: string,
  flags: Set<NarInfoFlag>,
): readonly StorePath[] {
  if (value === '') return [];
  let previous = '';
  return value.split(' ').map((basename, index) => {
    if (basename <= previous) flags.add('references-out-of-order');
    previous = basename;
    return within(
      'InvalidReference',
      field,
      () => StorePath.parse(basename),
      index,
    );
  });
}

function deriver(field: string, value: string): StorePath {
  if (!value.endsWith(DERIVER_SUFFIX)) {
    throw invalid(
      'InvalidDeriverStorePathMissingSuffix',
      `${field} is no ${DERIVER_SUFFIX}: ${value}`,
      { field },
    );
  }
  const basename = value.slice(0, -DERIVER_SUFFIX.length);
  return within('InvalidDeriverStorePath', field, () =>
    StorePath.parse(basename),
  );
}

function signature(value: string, index: number): NarSignature {
  return within(
    'UnableToParseSignature',
    'Sig',
    () => parseSignature(value),
    index,
  );
}

function within<Value>(
  reason: string,
  field: string,
  parse: () => Value,
  index?: number,
): Value {
  try {
    return parse();
  } catch (cause) {
    const which = index === undefined ? field : `${field} ${index}`;
    const details = index === undefined ? { field } : { field, index };
    throw invalid(reason, `${which}: ${(cause as Error).message}`, details, {
      cause,
    });
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      bytes,
    );
  } catch (cause) {
    throw invalid('InvalidUtf8', 'narinfo is not UTF-8', {}, { cause });
  }
}

function missing(field: string): NarError {
  return invalid('MissingField', `${field} is missing`, { field });
}

function invalid(
  reason: string,
  message: string,
  details: NarErrorDetails = {},
  more: { readonly cause?: unknown } = {},
): NarError {
  return new NarError('nar/invalid-narinfo', message, {
    details: { ...details, reason },
    ...more,
  });
}
