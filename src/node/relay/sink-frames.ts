/**
 * The sink's WebSocket framing (RFC 6455 §5), made for one purpose: answering EVENT frames for next
 * to nothing. Of an EVENT that starts as this kit's frames do, only the start is unmasked, its id
 * straight into the answer, and the answer is written over bytes of the chunk that were read already
 * (83 bytes of answer against at least 87 of frame). One chunk gives one write, without allocation.
 */

/** A frame that was not answered in place; its payload is unmasked. */
export interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Buffer;
}

export interface ChunkHandler {
  /** OK frames, ready to be written: a view of the chunk, not to be kept. */
  readonly answer: (bytes: Buffer) => void;
  readonly frame: (frame: Frame) => void;
}

export interface ChunkResult {
  /** Bytes at the end of the chunk that belong to a frame not complete yet. */
  readonly rest: Buffer;
  /** EVENT frames answered in place. */
  readonly answered: number;
  /** The close code (RFC 6455 §7.4.1) for a peer that broke the protocol. */
  readonly fault: number | undefined;
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
export const PROTOCOL_ERROR = 1002;
export const TOO_BIG = 1009;
export const MAX_PAYLOAD_BYTES = 1024 * 1024;

const FINAL_TEXT = 0x81;
const QUOTE = 0x22;
const OPENING = Buffer.from('["EVENT",{"id":"');
const ID_LENGTH = 64;
const ANSWER_TAIL = Buffer.from('",true,""]');
const ANSWER_HEAD = buildAnswerHead();
const ANSWER_LENGTH = ANSWER_HEAD.length + ID_LENGTH + ANSWER_TAIL.length;
const MASK_LENGTH = 4;

/** Handles every complete frame of a chunk, in order. The chunk is overwritten. */
export function handleChunk(chunk: Buffer, handler: ChunkHandler): ChunkResult {
  let at = 0;
  let answerStart = 0;
  let answerEnd = 0;
  let answered = 0;
  for (;;) {
    const header = readHeader(chunk, at);
    const isOver = header === undefined || header.fault !== undefined;
    if (!isOver && chunk[at] === FINAL_TEXT && answerInPlace(chunk, header, answerEnd)) {
      answerEnd += ANSWER_LENGTH;
      answered++;
      at = header.end;
      continue;
    }
    if (answerEnd > answerStart) handler.answer(chunk.subarray(answerStart, answerEnd));
    answerStart = answerEnd;
    if (isOver) return { rest: chunk.subarray(at), answered, fault: header?.fault };
    handler.frame(readFrame(chunk, at, header));
    at = header.end;
  }
}

/** A whole frame from the sink, unmasked as RFC 6455 has it for this direction. */
export function buildFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (length < 126) {
    head[1] = length;
  } else if (length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

interface Header {
  /** Where the payload starts and ends in the chunk; the mask stands before it. */
  readonly start: number;
  readonly end: number;
  readonly fault?: number;
}

/** Undefined until the whole frame is there. */
function readHeader(chunk: Buffer, at: number): Header | undefined {
  const first = chunk[at];
  const second = chunk[at + 1];
  if (first === undefined || second === undefined) return undefined;
  if (!isLegal(first, second)) return { start: at, end: at, fault: PROTOCOL_ERROR };
  let length = second & 0x7f;
  let start = at + 2 + MASK_LENGTH;
  if (length === 126) {
    if (chunk.length < at + 4) return undefined;
    length = chunk.readUInt16BE(at + 2);
    start += 2;
  } else if (length === 127) {
    if (chunk.length < at + 10) return undefined;
    length = Number(chunk.readBigUInt64BE(at + 2));
    start += 8;
  }
  if (length > MAX_PAYLOAD_BYTES) return { start: at, end: at, fault: TOO_BIG };
  const end = start + length;
  return end > chunk.length ? undefined : { start, end };
}

function isLegal(first: number, second: number): boolean {
  const opcode = first & 0x0f;
  const isMasked = (second & 0x80) !== 0;
  if ((first & 0x70) !== 0 || !isMasked) return false;
  if (opcode <= OPCODE.binary) return true;
  const isControl = opcode >= OPCODE.close && opcode <= OPCODE.pong;
  return isControl && (first & 0x80) !== 0 && (second & 0x7f) < 126;
}

/** Writes the OK for an EVENT at `to`; false, with nothing written, for any other payload. */
function answerInPlace(chunk: Buffer, { start, end }: Header, to: number): boolean {
  const idStart = start + OPENING.length;
  const idEnd = idStart + ID_LENGTH;
  if (idEnd >= end) return false;
  const mask = chunk.readInt32LE(start - MASK_LENGTH);
  for (let i = 0; i < OPENING.length; i++) {
    if (unmaskByte(chunk, start + i, mask, i) !== OPENING[i]) return false;
  }
  if (unmaskByte(chunk, idEnd, mask, idEnd - start) !== QUOTE) return false;
  for (let i = 0; i < ANSWER_HEAD.length; i++) chunk[to + i] = ANSWER_HEAD[i] ?? 0;
  const idTo = to + ANSWER_HEAD.length;
  // Forwards: the answer overlaps its own frame when the chunk starts with it.
  for (let i = 0; i < ID_LENGTH; i++) {
    chunk[idTo + i] = unmaskByte(chunk, idStart + i, mask, OPENING.length + i);
  }
  const tailTo = idTo + ID_LENGTH;
  for (let i = 0; i < ANSWER_TAIL.length; i++) chunk[tailTo + i] = ANSWER_TAIL[i] ?? 0;
  return true;
}

function unmaskByte(chunk: Buffer, at: number, mask: number, offset: number): number {
  return (chunk[at] ?? 0) ^ ((mask >>> ((offset & 3) << 3)) & 0xff);
}

function readFrame(chunk: Buffer, at: number, { start, end }: Header): Frame {
  const mask = chunk.readInt32LE(start - MASK_LENGTH);
  const payload = Buffer.allocUnsafe(end - start);
  for (let i = 0; i < payload.length; i++) payload[i] = unmaskByte(chunk, start + i, mask, i);
  const first = chunk[at] ?? 0;
  return { opcode: first & 0x0f, isFinal: (first & 0x80) !== 0, payload };
}

function buildAnswerHead(): Buffer {
  const payload = Buffer.from('["OK","');
  const length = payload.length + ID_LENGTH + ANSWER_TAIL.length;
  return Buffer.concat([Buffer.from([FINAL_TEXT, length]), payload]);
}
