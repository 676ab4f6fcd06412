/**
 * ttrpc's frames (https://github.com/containerd/ttrpc/blob/main/PROTOCOL.md): a header of ten bytes (u32be
 * length of the data, u32be stream id, u8 type, u8 flags), then the data.
 */
export interface Frame {
  streamId: number;
  /** 1 request, 2 response, 3 data (of streams, which no Task service has). */
  type: number;
  flags: number;
  /** undefined when it was longer than `maxData`, and so was skipped. */
  data: Buffer | undefined;
}

export const requestType = 1;
export const responseType = 2;

/** Bytes: ttrpc's messageLengthMax. */
export const maxData = 4 * 1024 * 1024;

const headerLength = 10;

/** `data` is at most `maxData` bytes long. */
export function encodeFrame(streamId: number, type: number, data: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerLength + data.length);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(streamId, 4);
  frame.writeUInt8(type, 8);
  frame.writeUInt8(0, 9);
  frame.set(data, headerLength);
  return frame;
}

/**
 * Puts frames together again from chunks of any size. Holds at most one frame: what is longer than `maxData` is
 * skipped as it comes, so that one oversized message costs neither memory nor the connection.
 */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #held = 0;
  /** Of the frame whose data is awaited. */
  #header: { length: number; streamId: number; type: number; flags: number } | undefined;
  /** Bytes of an oversized frame that are still to come. */
  #skip = 0;

  /** Answers the frames that `chunk` completes. It never throws: any bytes are some frames. */
  push(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    let rest = chunk;
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, rest.length);
      this.#skip -= skipped;
      rest = rest.subarray(skipped);
    }
    if (rest.length > 0) {
      this.#chunks.push(rest);
      this.#held += rest.length;
    }
    for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame);
    return frames;
  }

  /** Bytes held of a frame that is not complete. */
  get held(): number {
    return this.#held;
  }

  #next(): Frame | undefined {
    if (!this.#header) {
      if (this.#held < headerLength) return undefined;
      const header = this.#take(headerLength);
      this.#header = {
        length: header.readUInt32BE(0),
        streamId: header.readUInt32BE(4),
        type: header.readUInt8(8),
        flags: header.readUInt8(9),
      };
    }
    const { length, ...frame } = this.#header;
    if (length > maxData) {
      const here = Math.min(length, this.#held);
      this.#take(here);
      this.#skip = length - here;
      this.#header = undefined;
      return { ...frame, data: undefined };
    }
    if (this.#held < length) return undefined;
    this.#header = undefined;
    return { ...frame, data: this.#take(length) };
  }

  /** Joins once a frame, not once a chunk: a frame in thousands of chunks must not cost their square. */
  #take(length: number): Buffer {
    const [first] = this.#chunks;
    const whole = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks);
    this.#held = whole.length - length;
    this.#chunks = this.#held > 0 ? [whole.subarray(length)] : [];
    return whole.subarray(0, length);
  }
}
