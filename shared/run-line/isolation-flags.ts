import type { DeviceChoice, MoreLimits } from "../contract/container-options.ts";
import { CdiName, type IdMap, type Namespaces, type UserNamespace } from "../contract/isolation.ts";
import type { RunDraft } from "./draft.ts";
import { type Flag, moreLimit, onOff, value } from "./flag.ts";
import { parseSize, parseWhole, sizeText, splitPair, wrong } from "./values.ts";

/** podman's, where `auto` names none (its default is not one number). */
const autoSize = 65_536;

/** What a container shares with the machine or is given of it, by docker's and podman's names. */
export const isolationFlags: Record<string, Flag> = {
  "blkio-weight-device": moreLimit((text, { blkioWeightDevice = [] }) => {
    const [device, weight] = splitLast(text);
    return { blkioWeightDevice: [...blkioWeightDevice, { device, weight: parseWhole(weight) }] };
  }),
  cgroupns: value((text, { namespaces }) => ({
    namespaces: { ...namespaces, cgroup: text as "host" },
  })),
  device: value((text, { devices = [], cdiDevices = [] }) =>
    text.startsWith("/")
      ? { devices: [...devices, parseDevice(text)] }
      : { cdiDevices: [...cdiDevices, text] },
  ),
  "device-read-bps": rate("deviceReadBps", parseSize),
  "device-read-iops": rate("deviceReadIops", parseWhole),
  "device-write-bps": rate("deviceWriteBps", parseSize),
  "device-write-iops": rate("deviceWriteIops", parseWhole),
  gidmap: value((text, { userns }) => ({ userns: withMap(userns, "gids", text) })),
  gpus: value((text, { cdiDevices = [] }) => ({ cdiDevices: [...cdiDevices, ...parseGpus(text)] })),
  "group-add": value((text, { groupAdd = [] }) =>
    text === "keep-groups"
      ? wrong("Groups of this machine's users are not taken over")
      : { groupAdd: [...groupAdd, text] },
  ),
  ipc: shared("ipc", ["private", "shareable"]),
  pid: shared("pid", ["private"]),
  privileged: onOff((on, { security }) => ({
    security: { ...security, privileged: on || undefined },
  })),
  // podman's may say which of both it maps.
  uidmap: value((text, { userns }) => {
    const [, which = "", map = ""] = /^([ug]*)(.*)$/.exec(text) ?? [];
    const fields = which === "" || which === "u" ? (["uids"] as const) : (["gids"] as const);
    if (which.length > 1) return wrong("Write users and groups apart: u0:1000:1 and g0:1000:1");
    return { userns: withMap(userns, fields[0], map) };
  }),
  userns: value((text) => ({ userns: parseUserns(text) })),
  uts: value((text, { namespaces }) =>
    text === "private" ? {} : { namespaces: { ...namespaces, uts: text as "host" } },
  ),
};

function rate(
  field: "deviceReadBps" | "deviceReadIops" | "deviceWriteBps" | "deviceWriteIops",
  parse: (text: string) => number,
): Flag {
  return moreLimit((text, before): MoreLimits => {
    const [device, rate] = splitLast(text);
    return { [field]: [...(before[field] ?? []), { device, rate: parse(rate) }] };
  });
}

/** `/dev/sda:1m` at its last colon. */
function splitLast(text: string): [string, string] {
  const at = text.lastIndexOf(":");
  return at < 0
    ? wrong("Write the device, a colon and the number")
    : [text.slice(0, at), text.slice(at + 1)];
}

/** `host`, `container:NAME`, or one of the words that mean its own. */
function shared(type: "pid" | "ipc", own: readonly string[]): Flag {
  return value((text, { namespaces = {} }) => {
    if (text === "" || own.includes(text)) return {};
    if (text === "host") return { namespaces: { ...namespaces, [type]: "host" } };
    const [word, container = ""] = splitPair(text, ":");
    if (word !== "container") return wrong(`Write host or container:NAME, not “${text}”`);
    return { namespaces: { ...namespaces, [type]: { container } } };
  });
}

function parseDevice(text: string): DeviceChoice {
  const [source = "", second, third] = text.split(":");
  const access = /^[rwm]+$/;
  if (third === undefined && second !== undefined && access.test(second)) {
    return { source, access: inOrder(second) };
  }
  return {
    source,
    ...(second === undefined || second === source ? {} : { target: second }),
    access: inOrder(third ?? "rwm"),
  };
}

const inOrder = (access: string): string =>
  ["r", "w", "m"].filter((letter) => access.includes(letter)).join("");

/** docker's `all`, `2`, `device=0,1` or `"device=0,1"`, as the names that NVIDIA's specs have. */
export function parseGpus(text: string): string[] {
  const named = (name: string): string => `nvidia.com/gpu=${name}`;
  if (text === "all" || text === "-1") return [named("all")];
  if (/^\d{1,3}$/.test(text))
    return Array.from({ length: Number(text) }, (_, at) => named(`${at}`));
  const names = /^device=(.+)$/.exec(text.replaceAll('"', ""))?.[1]?.split(",") ?? [];
  const bad = names.find((name) => !CdiName.safeParse(named(name)).success);
  if (names.length > 0 && bad === undefined) return names.map(named);
  return wrong("Write all, a number, or device= and their numbers");
}

function parseUserns(text: string): UserNamespace | undefined {
  if (text === "" || text === "host") return undefined;
  const [word, options] = splitPair(text, ":");
  const size = options === undefined ? String(autoSize) : /^size=(\d+)$/.exec(options)?.[1];
  if (word === "auto" && size !== undefined) return { auto: parseWhole(size) };
  return wrong(`There is no user namespace “${text}” here: write host, auto or auto:size=65536`);
}

/** `inside:outside:size`; without a size one. */
function withMap(
  before: UserNamespace | undefined,
  field: "uids" | "gids",
  text: string,
): UserNamespace {
  const maps = before && !("auto" in before) ? before : {};
  const [inside = "", outside = "", size = "1", ...more] = text.split(":");
  if (more.length > 0) return wrong("Write ids as 0:100000:65536");
  const map: IdMap = {
    ...{ inside: parseWhole(inside), outside: parseWhole(outside), size: parseWhole(size) },
  };
  return { ...maps, [field]: [...(maps[field] ?? []), map] };
}

/** The flags of all that, but for user namespaces, which docker has not. */
export function isolationGroups(draft: RunDraft): string[][] {
  const { namespaces = {}, moreLimits = {}, security = {} } = draft;
  const each = <T>(list: readonly T[] | undefined, flag: string, write: (one: T) => string) =>
    (list ?? []).map((one) => [flag, write(one)]);
  return [
    ...(security.privileged ? [["--privileged"]] : []),
    ...each(draft.groupAdd, "--group-add", (group) => group),
    ...each(draft.devices, "--device", ({ source, target, access }) =>
      target === undefined && access === "rwm" ? source : `${source}:${target ?? source}:${access}`,
    ),
    ...each(draft.cdiDevices, "--device", (name) => name),
    ...(["pid", "ipc"] as const).flatMap((type) => {
      const choice = namespaces[type];
      return choice === undefined ? [] : [[`--${type}`, sharedText(choice)]];
    }),
    ...(namespaces.uts ? [["--uts", namespaces.uts]] : []),
    ...(namespaces.cgroup ? [["--cgroupns", namespaces.cgroup]] : []),
    ...each(
      moreLimits.blkioWeightDevice,
      "--blkio-weight-device",
      ({ device, weight }) => `${device}:${weight}`,
    ),
    ...rateWords.flatMap(([field, flag, text]) =>
      each(moreLimits[field], flag, ({ device, rate }) => `${device}:${text(rate)}`),
    ),
  ];
}

const rateWords = [
  ["deviceReadBps", "--device-read-bps", sizeText],
  ["deviceWriteBps", "--device-write-bps", sizeText],
  ["deviceReadIops", "--device-read-iops", String],
  ["deviceWriteIops", "--device-write-iops", String],
] as const;

const sharedText = (choice: NonNullable<Namespaces["pid"]>): string =>
  choice === "host" ? choice : `container:${choice.container}`;

/** A user namespace in the words that --userns and --uidmap take of it. */
export function usernsWords(userns: UserNamespace | undefined): string[] {
  if (userns === undefined) return [];
  if ("auto" in userns) return [userns.auto === autoSize ? "auto" : `auto:size=${userns.auto}`];
  const word = ({ inside, outside, size }: IdMap): string => `${inside}:${outside}:${size}`;
  const { uids = [], gids = [] } = userns;
  return [...uids.map(word), ...gids.map((map) => `g${word(map)}`)];
}
