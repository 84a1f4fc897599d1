import { gunzipSync, inflateRawSync } from "node:zlib";
import { SetupFailure } from "./attempt.ts";

// Bounds what a wrong archive could make of the memory; the binary has 67 MB.
const limits = { maxOutputLength: 300_000_000 };

/**
 * The bytes of one file in a `.tar.gz` (ustar) or `.zip` archive, chosen by the end of `fileName`.
 * Only for archives whose digest was checked: names and offsets are believed.
 */
export function extractMember(archive: Buffer, fileName: string, member: string): Buffer {
  const bytes = fileName.endsWith(".zip") ? fromZip(archive, member) : fromTarGz(archive, member);
  if (bytes === undefined) throw new SetupFailure(`it holds no \`${member}\``);
  return bytes;
}

/** Layout of a header block: POSIX.1-2017, pax, "ustar Interchange Format". */
function fromTarGz(archive: Buffer, member: string): Buffer | undefined {
  const tar = gunzipSync(archive, limits);
  const block = 512;
  for (let at = 0; at + block <= tar.length; ) {
    const header = tar.subarray(at, at + block);
    const size = Number.parseInt(textAt(header, 124, 12).trim() || "0", 8);
    const prefix = textAt(header, 345, 155);
    const name = prefix === "" ? textAt(header, 0, 100) : `${prefix}/${textAt(header, 0, 100)}`;
    const type = textAt(header, 156, 1);
    const start = at + block;
    if (name === member && (type === "" || type === "0")) return tar.subarray(start, start + size);
    at = start + Math.ceil(size / block) * block;
  }
  return undefined;
}

function textAt(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end === -1 ? length : end);
}

/** Records and their fields: PKWARE APPNOTE.TXT, 4.3. */
function fromZip(zip: Buffer, member: string): Buffer | undefined {
  const end = zip.lastIndexOf("PK\x05\x06", undefined, "latin1");
  if (end === -1) throw new SetupFailure("it is not a zip archive");
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString("utf8", at + 46, at + 46 + nameLength);
    if (name === member) return readZipEntry(zip, at);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return undefined;
}

function readZipEntry(zip: Buffer, entry: number): Buffer {
  const method = zip.readUInt16LE(entry + 10);
  const size = zip.readUInt32LE(entry + 20);
  const local = zip.readUInt32LE(entry + 42);
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const packed = zip.subarray(start, start + size);
  if (method === 0) return packed;
  if (method === 8) return inflateRawSync(packed, limits);
  throw new SetupFailure(`it is compressed by method ${method}, expected 0 or 8`);
}
