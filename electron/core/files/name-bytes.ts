/** The form of names is told in shared/base/file-names.ts. */

/** A name or path as a string that holds every byte of it. */
export function nameOf(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  // The usual case; U+FFFD may also be what the name really has.
  if (!text.includes("\ufffd")) return text;
  let name = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceAt(bytes, at);
    if (length === 0) {
      name += String.fromCharCode(0xdc00 + (bytes[at] as number));
      at += 1;
    } else {
      name += bytes.toString("utf8", at, at + length);
      at += length;
    }
  }
  return name;
}

/** The bytes that `nameOf` was given. */
export function bytesOf(name: string): Buffer {
  if (!/\p{Surrogate}/u.test(name)) return Buffer.from(name);
  const parts: Buffer[] = [];
  for (const part of name.split(/(\p{Surrogate})/u)) {
    const code = part.charCodeAt(0);
    const escaped = part.length === 1 && code >= 0xdc80 && code <= 0xdcff;
    parts.push(escaped ? Buffer.from([code - 0xdc00]) : Buffer.from(part));
  }
  return Buffer.concat(parts);
}

/** How many bytes the UTF-8 character at `at` has (RFC 3629, section 4); 0 when none begins there. */
function sequenceAt(bytes: Buffer, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || first > 0xf4 || at + length > bytes.length) return 0;
  const second = bytes[at + 1] as number;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let next = at + 2; next < at + length; next += 1) {
    if (((bytes[next] as number) & 0xc0) !== 0x80) return 0;
  }
  return length;
}
