// The file descriptors that server reflection serves: protobufjs parses protos/, and each file becomes one encoded
// google.protobuf.FileDescriptorProto, equal to what protoc makes of it.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';

// The names by which the wire protocol's other implementations import these files, hence what their clients ask for.
const SERVED_NAMES = {
  'tvix/castore/v1/': 'tvix/castore/protos/',
  'tvix/store/v1/': 'tvix/store/protos/',
};

const LABEL_OPTIONAL = 1;
const LABEL_REPEATED = 3;
const TYPE_MESSAGE = 11;
const TYPE_ENUM = 14;
const SCALAR_TYPES = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
};

function servedName(path) {
  for (const [ours, theirs] of Object.entries(SERVED_NAMES))
    if (path.startsWith(ours)) return theirs + path.slice(ours.length);
  return path;
}

function field(from) {
  from.resolve();
  const { resolvedType } = from;
  const to = {
    name: from.name,
    number: from.id,
    label: from.repeated ? LABEL_REPEATED : LABEL_OPTIONAL,
    jsonName: protobuf.util.jsonName(from.name),
  };
  if (resolvedType === null) {
    to.type = SCALAR_TYPES[from.type];
    if (to.type === undefined)
      throw new Error(
        `no descriptor for the type ${from.type} of ${from.fullName}`,
      );
  } else {
    to.type = resolvedType instanceof protobuf.Enum ? TYPE_ENUM : TYPE_MESSAGE;
    to.typeName = resolvedType.fullName;
  }
  if (from.partOf) to.oneofIndex = from.parent.oneofsArray.indexOf(from.partOf);
  return to;
}

function enumType(from) {
  return {
    name: from.name,
    value: Object.entries(from.values).map(([name, number]) => ({
      name,
      number,
    })),
  };
}

function messageType(from) {
  return {
    name: from.name,
    field: from.fieldsArray.map(field),
    nestedType: from.nestedArray
      .filter((item) => item instanceof protobuf.Type)
      .map(messageType),
    enumType: from.nestedArray
      .filter((item) => item instanceof protobuf.Enum)
      .map(enumType),
    oneofDecl: from.oneofsArray.map(({ name }) => ({ name })),
  };
}

function method(from) {
  from.resolve();
  const to = {
    name: from.name,
    inputType: from.resolvedRequestType.fullName,
    outputType: from.resolvedResponseType.fullName,
  };
  if (from.requestStream) to.clientStreaming = true;
  if (from.responseStream) to.serverStreaming = true;
  return to;
}

function service(from) {
  return { name: from.name, method: from.methodsArray.map(method) };
}

/** The full names that a reflection request may name, enum values both inside their enum and beside it. */
function symbols(from) {
  const name = from.fullName.slice(1);
  const scope = from.parent.fullName.slice(1);
  if (from instanceof protobuf.Enum)
    return [
      name,
      ...Object.keys(from.values).flatMap((value) => [
        `${name}.${value}`,
        `${scope}.${value}`,
      ]),
    ];
  const members =
    from instanceof protobuf.Service
      ? from.methodsArray
      : [...from.fieldsArray, ...from.oneofsArray];
  return [
    name,
    ...members.map((member) => `${name}.${member.name}`),
    ...from.nestedArray.flatMap(symbols),
  ];
}

function encodeFile({ path, parsed }) {
  const declared = parsed.root
    .lookup(parsed.package)
    .nestedArray.filter(({ filename }) => filename === path);
  const only = (type, convert) =>
    declared.filter((item) => item instanceof type).map(convert);
  const goPackage = parsed.root.lookup(parsed.package).options?.go_package;
  const file = {
    name: servedName(path),
    package: parsed.package,
    dependency: (parsed.imports ?? []).map(servedName),
    messageType: only(protobuf.Type, messageType),
    enumType: only(protobuf.Enum, enumType),
    service: only(protobuf.Service, service),
    syntax: 'proto3',
  };
  if (goPackage !== undefined) file.options = { goPackage };
  return {
    name: file.name,
    bytes: descriptor.FileDescriptorProto.encode(file).finish(),
    symbols: declared.flatMap(symbols),
  };
}

/** The served name, the encoded FileDescriptorProto and the symbols of every .proto file below `folder`, in the order of their paths. */
export function fileDescriptors(folder) {
  const root = new protobuf.Root();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name.endsWith('.proto'))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
    .map((path) => {
      protobuf.parse.filename = path;
      const source = readFileSync(join(folder, path), 'utf8');
      return {
        path,
        parsed: protobuf.parse(source, root, { keepCase: true }),
      };
    });
  root.resolveAll();
  return files.map(encodeFile);
}

/** A TypeScript module that exports the descriptors, for the package that serves them. */
export function descriptorsModule(folder) {
  const files = fileDescriptors(folder);
  const descriptors = files.map(
    ({ name, bytes }) =>
      `  '${name}':\n    '${Buffer.from(bytes).toString('base64')}',\n`,
  );
  const symbolTable = files.flatMap((file) =>
    file.symbols.map((symbol) => `  '${symbol}': '${file.name}',\n`),
  );
  return `// Generated from protos/ by tools/descriptors.mjs. Do not edit.

/** By file name, the encoded google.protobuf.FileDescriptorProto in base64. */
export const FILE_DESCRIPTORS: Readonly<Record<string, string>> = {
${descriptors.join('')}};

/** By the full name of a symbol, the name of the file that declares it. */
export const SYMBOLS: Readonly<Record<string, string>> = {
${symbolTable.join('')}};
`;
}
