import type {
  BindMount,
  ContainerMount,
  TmpfsMount,
  VolumeMount,
} from "../contract/container-options.ts";
import { parseVolume } from "../run-line/mounts.ts";
import { parseSize, wrong } from "../run-line/values.ts";
import { type Field, readKeys } from "./field.ts";
import { noDirectory, resolvePath } from "./paths.ts";

/** A mount, and whether its place on this machine is made when it is not there. */
export interface ReadMount {
  mount: ContainerMount;
  create: boolean;
}

export interface MountScope {
  /** The full name of a volume by what the file calls it; undefined when it declares none of that name. */
  volume(key: string): string | undefined;
  home: string | undefined;
}

/** One of a service's volumes, in the short form or the long one. */
export function readMount(field: Field, scope: MountScope): ReadMount | undefined {
  const read = field.isDict
    ? readLong(field, scope)
    : field.attempt(() => readShort(field.text() ?? wrong("Write /host:/inside"), field, scope));
  if (read?.mount.type === "volume" && read.mount.source === undefined) {
    field.note("vain", "Without a name it goes with its container: name it to keep it");
  }
  return read;
}

function readShort(text: string, field: Field, scope: MountScope): ReadMount {
  // A drive's letter is none of a volume's name.
  if (/^[A-Za-z]:[\\/]/.test(text)) return wrong("Paths of Windows can't be mounted here");
  const at = text.indexOf(":");
  const source = at < 0 ? "" : text.slice(0, at);
  if (/^[./~]/.test(source)) {
    const path = hostPath(source, field, scope);
    // Its colons would be read as the marks between the parts.
    const mount = parseVolume(`/host${text.slice(at)}`) as BindMount;
    return { mount: { ...mount, source: path }, create: true };
  }
  const mount = parseVolume(text);
  if (mount.type !== "volume" || mount.source === undefined) return { mount, create: false };
  return { mount: { ...mount, source: volumeName(mount.source, scope) }, create: false };
}

function volumeName(key: string, scope: MountScope): string {
  return scope.volume(key) ?? wrong(`The file declares no volume “${key}”: add it under volumes:`);
}

/** `~` is the user's home, all else begins where the file is. */
function hostPath(path: string, field: Field, { home }: MountScope): string {
  if (path === "~" || path.startsWith("~/")) {
    return resolvePath(home ?? wrong("There is no home directory here"), `.${path.slice(1)}`);
  }
  if (path.startsWith("/")) return resolvePath("/", path);
  const { directory } = field.tree.at.file;
  if (directory !== undefined) return resolvePath(directory, path);
  return wrong(noDirectory(path));
}

const kinds = ["bind", "volume", "tmpfs"];

function readLong(field: Field, scope: MountScope): ReadMount | undefined {
  const type = field.get("type")?.text() ?? "volume";
  const target = field.get("target")?.text();
  if (target === undefined) {
    field.note("error", "It names no target");
    return undefined;
  }
  if (!kinds.includes(type)) {
    field.note("lost", `Mounts of type “${type}” are not possible here`);
    return undefined;
  }
  let create = type === "bind";
  let source: string | undefined;
  const read: { readOnly: boolean } & Pick<BindMount, "propagation"> &
    Pick<VolumeMount, "noCopy"> &
    Pick<TmpfsMount, "size" | "mode"> = { readOnly: false };
  const vain = { consistency: "It makes no difference on Linux" };
  readKeys(
    field,
    "A mount",
    {
      type: () => undefined,
      target: () => undefined,
      source: (value) => {
        source = value.text();
      },
      read_only: (value) => {
        read.readOnly = value.boolean() ?? false;
      },
      bind: (options) =>
        readKeys(
          options,
          "A bind mount",
          {
            propagation: (value) => {
              // Held to the contract with its service.
              read.propagation = value.text() as NonNullable<BindMount["propagation"]>;
            },
            create_host_path: (value) => {
              create = value.boolean() ?? true;
            },
          },
          { vain: { selinux: "Files are not labelled for SELinux here" } },
        ),
      volume: (options) =>
        readKeys(options, "A volume", {
          nocopy: (value) => {
            if (value.boolean()) read.noCopy = true;
          },
        }),
      tmpfs: (options) =>
        readKeys(options, "A tmpfs", {
          size: (value) => {
            const text = value.text();
            const size = value.attempt(() => parseSize(text ?? ""));
            if (size !== undefined && size > 0) read.size = size;
          },
          mode: (value) => {
            read.mode = value.text()?.replace(/^0o?(?=[0-7]{3})/, "") ?? "";
          },
        }),
    },
    { vain },
  );
  const { readOnly, propagation, noCopy, size, mode } = read;
  return field.attempt((): ReadMount => {
    if (type === "bind") {
      const path = hostPath(source ?? wrong("It names no source"), field, scope);
      const mount: BindMount = { type, source: path, target, readOnly };
      return { mount: propagation === undefined ? mount : { ...mount, propagation }, create };
    }
    if (type === "tmpfs") {
      const mount: TmpfsMount = { type, target, readOnly };
      if (size !== undefined) mount.size = size;
      return { mount: mode ? { ...mount, mode } : mount, create };
    }
    const mount: VolumeMount = { type: "volume", target, readOnly };
    if (source !== undefined) mount.source = volumeName(source, scope);
    return { mount: noCopy ? { ...mount, noCopy } : mount, create };
  });
}
