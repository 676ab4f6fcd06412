import { createHash } from "node:crypto";
import { AppError } from "#shared/errors";

/** IP addresses and subnets as numbers: RFC 4632 for IPv4, RFC 4291 for IPv6. */
export interface Subnet {
  family: 4 | 6;
  /** Its lowest address. */
  base: bigint;
  /** Prefix length. */
  bits: number;
}

const width = { 4: 32, 6: 128 } as const;
const size = ({ family, bits }: Subnet): bigint => 1n << BigInt(width[family] - bits);

/** INVALID_ARGUMENT for what is not `ADDRESS/BITS`; bits below the prefix are cleared. */
export function parseSubnet(text: string): Subnet {
  const [address = "", length = ""] = text.split("/");
  const family = address.includes(":") ? 6 : 4;
  const bits = Number(length);
  if (length === "" || !Number.isInteger(bits) || bits < 0 || bits > width[family]) {
    throw new AppError("INVALID_ARGUMENT", `"${text}" is no subnet`);
  }
  const subnet = { family, base: 0n, bits } as const;
  return { ...subnet, base: parseAddress(address) & ~(size(subnet) - 1n) };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.base, subnet.family)}/${subnet.bits}`;
}

export function parseAddress(text: string): bigint {
  const parts = text.includes(":") ? groups(text) : text.split(".").map(Number);
  const [count, step, most] = text.includes(":") ? [8, 16n, 0xffff] : [4, 8n, 0xff];
  if (parts.length !== count || parts.some((part) => !(part >= 0 && part <= most))) {
    throw new AppError("INVALID_ARGUMENT", `"${text}" is no IP address`);
  }
  return parts.reduce((sum, part) => (sum << step) | BigInt(part), 0n);
}

/** RFC 4291 2.2: `::` stands for as many zeros as are missing; the last two may be written as IPv4. */
function groups(text: string): number[] {
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((n) => n.toString(16)).join(":"),
  );
  const numbers = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const [head = "", tail] = plain.split("::");
  if (tail === undefined) return numbers(head);
  const [first, last] = [numbers(head), numbers(tail)];
  return [...first, ...Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0), ...last];
}

/** RFC 5952 for IPv6, as the kernel prints it. */
export function formatAddress(address: bigint, family: 4 | 6): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join(".");
  const parts = Array.from({ length: 8 }, (_, index) =>
    ((address >> BigInt(112 - index * 16)) & 0xffffn).toString(16),
  );
  const text = parts.join(":");
  const zeros = [...text.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)];
  const longest = zeros.sort((a, b) => b[0].length - a[0].length || a.index - b.index)[0];
  if (longest === undefined) return text;
  const rest = text.slice(longest.index + longest[0].length);
  return `${text.slice(0, longest.index)}::${rest}`.replace(/:{3,}/, "::");
}

/** The same address in the one way it is written here. */
export const normalAddress = (text: string): string =>
  formatAddress(parseAddress(text), text.includes(":") ? 6 : 4);

export function contains(subnet: Subnet, address: string): boolean {
  if (address.includes(":") !== (subnet.family === 6)) return false;
  return (parseAddress(address) & ~(size(subnet) - 1n)) === subnet.base;
}

export function overlap(a: Subnet, b: Subnet): boolean {
  if (a.family !== b.family) return false;
  const wide = a.bits < b.bits ? a : b;
  const narrow = wide === a ? b : a;
  return (narrow.base & ~(size(wide) - 1n)) === wide.base;
}

/** Its first address that a machine may have. */
export const firstAddress = (subnet: Subnet): string =>
  formatAddress(subnet.base + 1n, subnet.family);

/** Why an address can't be a container's or a gateway's in it, as a sentence; undefined when it can. */
export function addressProblem(subnet: Subnet, address: string): string | undefined {
  if (!contains(subnet, address)) return `${address} is not in ${formatSubnet(subnet)}`;
  const at = parseAddress(address) - subnet.base;
  // An IPv6 subnet has no broadcast address.
  const last = subnet.family === 4 ? size(subnet) - 1n : size(subnet);
  return at === 0n || at === last ? `${address} is no machine's address in it` : undefined;
}

/**
 * The lowest address that is not taken; RESOURCE_EXHAUSTED when there is none. Of a vast subnet only the first
 * 65,536 are looked at.
 */
export function freeAddress(subnet: Subnet, taken: (address: string) => boolean): string {
  const end = size(subnet) - (subnet.family === 4 ? 1n : 0n);
  for (let at = 1n; at < end && at <= 0x1_0000n; at += 1n) {
    const address = formatAddress(subnet.base + at, subnet.family);
    if (!taken(address)) return address;
  }
  throw new AppError("RESOURCE_EXHAUSTED", `Every address of ${formatSubnet(subnet)} is taken`, {
    hint: "Delete containers, or use a network with a larger subnet.",
  });
}

/** What subnets are chosen from: no other tool's default is in it, nor Kubernetes' (10.96.0.0/12). */
const pool = { base: parseAddress("10.128.0.0"), count: 1 << 13 };
/** /22: a thousand containers. */
const chosenBits = 22;

/**
 * A subnet that overlaps none of those in use. `seed` says where the search begins, so that two managers which
 * choose at the same moment hardly meet. RESOURCE_EXHAUSTED when there is none left.
 */
export function chooseSubnet(seed: string, used: Subnet[]): Subnet {
  const start = digest(seed).readUInt32BE(0);
  for (let step = 0; step < pool.count; step += 1) {
    const index = BigInt((start + step) % pool.count);
    const base = pool.base + (index << BigInt(32 - chosenBits));
    const subnet: Subnet = { family: 4, base, bits: chosenBits };
    if (!used.some((other) => overlap(other, subnet))) return subnet;
  }
  throw new AppError("RESOURCE_EXHAUSTED", "There is no subnet left to choose", {
    hint: "Give one, or remove networks that are not used.",
  });
}

/** A unique local subnet (RFC 4193): its 40 random bits are the seed's digest. */
export function chooseSubnet6(seed: string): Subnet {
  const prefix = Buffer.concat([Buffer.from([0xfd]), digest(seed).subarray(0, 7)]);
  return { family: 6, base: BigInt(`0x${prefix.toString("hex")}`) << 64n, bits: 64 };
}

/** A locally administered unicast address (IEEE 802) that belongs to an IPv4 address, as docker's do. */
export function macOf(ip4: string): string {
  const octets = ip4.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  return ["02", "42", ...octets].join(":");
}

/** Hexadecimal digits that tell things of one root, or one name, from others'. */
export const mark = (text: string, length = 8): string =>
  digest(text).toString("hex").slice(0, length);

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
