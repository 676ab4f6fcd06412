/**
 * A member of a ustar archive (POSIX.1-1988), whatever its name. With `size` the caller sees to it that so many
 * bytes follow.
 */
export function tarEntry(member: {
  name: string;
  content?: string;
  size?: number;
  type?: string;
  link?: string;
}): Buffer {
  const content = Buffer.from(member.content ?? "");
  const header = Buffer.alloc(512);
  const octal = (value: number, length: number): string =>
    `${value.toString(8).padStart(length - 1, "0")}\0`;
  header.write(member.name, 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(member.size ?? content.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write("        ", 148);
  header.write(member.type ?? "0", 156);
  header.write(member.link ?? "", 157);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}
