/** No sequence that a program means to finish is longer; what is, is taken as text. Bytes. */
const longestSequence = 4096;
const escape = 0x1b;
const bell = 0x07;

/**
 * The end of the output, if it is within a character or an escape sequence; else undefined. `before`
 * is what it said of the bytes before these. Only where it says undefined may a screen be saved: what
 * is half read is in no saved screen, and its rest would be shown as text when the output goes on there.
 */
export function unfinished(
  before: Uint8Array | undefined,
  bytes: Uint8Array,
): Uint8Array | undefined {
  let end = bytes.subarray(-longestSequence);
  if (before && before.length + end.length <= longestSequence) {
    end = new Uint8Array([...before, ...end]);
  }
  return endsInsideCharacter(end) || endsInsideEscape(end) ? end : undefined;
}

function endsInsideCharacter(bytes: Uint8Array): boolean {
  for (let back = 1; back <= 4 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return false;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2);
  }
  return false;
}

function endsInsideEscape(bytes: Uint8Array): boolean {
  const at = bytes.lastIndexOf(escape);
  if (at < 0) return false;
  const kind = bytes[at + 1];
  if (kind === undefined) return true;
  const rest = bytes.subarray(at + 2);
  switch (String.fromCharCode(kind)) {
    case "[":
      return !rest.some((byte) => byte >= 0x40 && byte <= 0x7e);
    // A string: up to BEL here; up to ESC \ the last escape would be that one.
    case "]":
    case "P":
    case "X":
    case "^":
    case "_":
      return !rest.includes(bell);
    case "\\":
      return false;
    default:
      // Intermediates (0x20..0x2f) precede the final byte: ESC ( B.
      return kind <= 0x2f && !rest.some((byte) => byte >= 0x30);
  }
}
