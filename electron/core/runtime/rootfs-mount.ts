import { AppError } from "#shared/errors";
import { idmappedMount } from "./idmapped-mount.ts";
import type { Lower, RootfsMount } from "./runtime.ts";

interface MountOptions {
  /** A static one saves 4 ms of starting a dynamically linked sh and mount. */
  busybox: string | undefined;
  rootless: boolean;
}

/** mount(2) takes a page of options, its end included. */
const maxOptions = 4095;

/** mount(8) since util-linux 2.39 else hands the options to the kernel one by one, of 255 bytes at most each. */
const atOnce = "LIBMOUNT_FORCE_MOUNT2=always";

/** util-linux's, by its path: busybox's sh would take its own. */
const mountProgram = `${atOnce} /bin/mount`;

/**
 * argv that mounts the root file system and then becomes `argv`. Nothing of it is parsed by the shell: all
 * values are its positional parameters. Throws INVALID_ARGUMENT for paths mount(8) can't be told.
 */
export function mountArgs(
  mount: RootfsMount,
  target: string,
  options: MountOptions,
  argv: string[],
): string[] {
  const { script, values } = mountScript(mount, target, options);
  const { busybox } = options;
  const shell = busybox ? [busybox, "sh"] : ["sh"];
  const rest = `shift ${values.length} && exec "$@"`;
  return [...shell, "-c", `${script} && ${rest}`, busybox ?? "sh", ...values, ...argv];
}

/** argv that only mounts it. */
export function mountCommand(
  mount: RootfsMount,
  target: string,
  options: MountOptions & { busybox: string },
): string[] {
  const { busybox } = options;
  if (mount.idmap) return idmappedMount(mount, target, numbered(mount));
  const plain = plainMount(mount, options.rootless);
  if (plain) return [busybox, "mount", ...plain, target];
  const { script, values } = mountScript(mount, target, options);
  return [busybox, "sh", "-c", script, busybox, ...values];
}

/** argv that takes away all that is mounted there, one over the other. */
export function unmountCommand(target: string, busybox: string): string[] {
  const script = 'while "$0" umount -l "$1" 2>/dev/null; do :; done';
  return [busybox, "sh", "-c", script, busybox, target];
}

function mountScript(
  mount: RootfsMount,
  target: string,
  { busybox, rootless }: MountOptions,
): { script: string; values: string[] } {
  if (mount.idmap) {
    const words = idmappedMount(mount, target, numbered(mount));
    return { script: words.map((_, at) => `"\${${at + 1}}"`).join(" "), values: words };
  }
  const own = busybox ? '"$0" mount' : `${atOnce} mount`;
  const plain = plainMount(mount, rootless);
  if (plain) {
    const words = [...plain, target];
    return { script: `${own} ${words.map((_, at) => `"$${at + 1}"`).join(" ")}`, values: words };
  }
  // The layers are mounted in a tmpfs, which the overlay then covers: no directory is needed for any, and their names
  // are so short that those of hundreds fit into a page. All in one start of mount(8).
  const values = [target, ...fstab(mount, target, rootless)];
  const lines = values.slice(1).map((_, at) => `"\${${at + 2}}"`);
  const script =
    `${own} -t tmpfs -o size=1m,mode=700 tmpfs "$1" && cd "$1" && ` +
    `printf "%s\\n" ${lines.join(" ")} >fstab && ${mountProgram} --all --fstab fstab && cd "$OLDPWD"`;
  return { script, values };
}

/** mount(8)'s arguments before the target, where one mount does it. */
function plainMount(mount: RootfsMount, rootless: boolean): string[] | undefined {
  const { lower, upper } = mount;
  const only = lower.length === 1 ? lower[0] : undefined;
  if (only?.type === "directory" && (mount.type === "bind" || !upper)) return ["--bind", only.path];
  if (lower.some(({ type }) => type !== "directory")) return undefined;
  const options = overlayOptions(
    mount,
    lower.map(({ path }) => path),
    rootless,
  );
  if (Buffer.byteLength(options) > maxOptions) return undefined;
  return ["-t", "overlay", "-o", options, "overlay"];
}

/** An overlay's options where its layers' directories are called 0, 1, .... */
const numbered = (mount: RootfsMount): string =>
  overlayOptions(mount, [...mount.lower.keys()].map(String), false);

/** Lines for fstab(5). */
function fstab(mount: RootfsMount, target: string, rootless: boolean): string[] {
  const { lower, upper } = mount;
  const line = (what: string, where: string, type: string, options: string): string =>
    `${field(what)} ${field(where)} ${type} ${field(options)} 0 0`;
  const layer = ({ type, path, loop }: Lower, where: string): string => {
    if (type === "directory") return line(path, where, "none", "bind,X-mount.mkdir");
    // mount(8) takes the device that a file has already, and the kernel lets go of it with the last mount.
    if (loop) return line(path, where, "erofs", "ro,loop,X-mount.mkdir");
    // For a list of types mount(8) makes no loop device, which it does for one it knows; since Linux 6.12 none is needed.
    return line(path, where, "erofs,erofs", "ro,X-mount.mkdir");
  };
  if (lower[0] && lower.length === 1 && !upper) return [layer(lower[0], target)];
  const names = lower.map((_, at) => String(at));
  const options = overlayOptions(mount, names, rootless);
  const layers = lower.map((each, at) => layer(each, String(at)));
  return [...layers, line("overlay", target, "overlay", options)];
}

/** fstab(5): white space and backslashes as octal numbers. */
function field(text: string): string {
  if (text.includes("\n") || text.includes('"')) throw unfit(text);
  return text.replace(
    /[ \t\\]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}

/** What mount(8) takes after `-o`. Throws INVALID_ARGUMENT for paths it can't be told. */
export function overlayOptions(mount: RootfsMount, lower: string[], rootless: boolean): string {
  const paths = [...lower, mount.upper ?? "", mount.work ?? ""];
  const bad = paths.find((path) => /[,:\\\n]/.test(path));
  if (bad !== undefined) throw unfit(bad);
  const options = [`lowerdir=${lower.join(":")}`];
  if (mount.upper && mount.work) options.push(`upperdir=${mount.upper}`, `workdir=${mount.work}`);
  // In a user namespace overlayfs keeps its marks in user.* attributes.
  if (rootless) options.push("userxattr");
  return options.join(",");
}

function unfit(path: string): AppError {
  return new AppError("INVALID_ARGUMENT", `A root file system can't be mounted from ${path}`, {
    subject: path,
    hint: "Its path must not hold a comma, colon, backslash, quotation mark or line break.",
  });
}
