import {
  type BindMount,
  type ContainerMount,
  Propagation,
  type VolumeMount,
  VolumeName,
} from "../contract/container-options.ts";
import { parseFields, parseSize, sizeText, splitPair, writeFields, wrong } from "./values.ts";

/** Mount options that change nothing here, or nothing that a container could tell. */
const harmless = new Set(["rw", "bind", "rbind", "cached", "delegated", "consistent", "default"]);
/** They label files for SELinux, which is left as it is here. */
const labelling = new Set(["z", "Z"]);

/** docker's --volume: `/host:/inside[:ro]`, `name:/inside[:ro,nocopy]`, or `/inside` alone. */
export function parseVolume(text: string): ContainerMount {
  const [first = "", second, options = "", ...more] = text.split(":");
  if (more.length > 0) return wrong("Write it as /host:/inside:ro");
  const [source, target] = second === undefined ? [undefined, first] : [first, second];
  const mount: BindMount | VolumeMount = source?.startsWith("/")
    ? { type: "bind", source, target, readOnly: false }
    : { type: "volume", ...named(source), target, readOnly: false };
  for (const option of options.split(",").filter(Boolean)) {
    const propagation = Propagation.safeParse(option);
    if (option === "ro" || option === "readonly") mount.readOnly = true;
    else if (mount.type === "bind" && propagation.success) mount.propagation = propagation.data;
    else if (mount.type === "volume" && option === "nocopy") mount.noCopy = true;
    else if (mount.type === "bind" && option === "idmap") mount.idmap = true;
    // A volume always is, where that makes a difference.
    else if (mount.type === "volume" && option === "idmap") continue;
    else if (!harmless.has(option) && !labelling.has(option)) {
      return wrong(`There is no mount option “${option}” here`);
    }
  }
  return mount;
}

/** Nothing for a volume without a name; refuses what a shell would make a path of. */
function named(source: string | undefined): { source?: string } {
  if (source === undefined || source === "") return {};
  requireNoShell(source);
  if (!VolumeName.safeParse(source).success) {
    wrong(`“${source}” is neither a volume's name nor a path from / on`);
  }
  return { source };
}

function requireNoShell(source: string): void {
  if (/^[.~$`]/.test(source)) {
    wrong(`“${source}” depends on where the command is run: write the path from / on`);
  }
}

/** docker's --tmpfs: `/inside[:size=64m,mode=1777,exec]`. */
export function parseTmpfs(text: string): ContainerMount {
  const [target, options = ""] = splitPair(text, ":");
  const mount: ContainerMount = { type: "tmpfs", target, readOnly: false };
  for (const option of options.split(",").filter(Boolean)) {
    const [key, value] = splitPair(option);
    if (key === "size" && value !== undefined) mount.size = parseSize(value);
    else if (key === "mode" && value !== undefined) mount.mode = octal(value);
    else if (option === "ro") mount.readOnly = true;
    else if (option === "exec") mount.exec = true;
    else if (!["rw", "noexec", "nosuid", "nodev"].includes(option)) {
      return wrong(`There is no tmpfs option “${option}” here`);
    }
  }
  return mount;
}

/** `0755` as `755`, `01777` as `1777`. */
const octal = (text: string): string => text.replace(/^0+(?=[0-7]{3})/, "");

/** docker's --mount: `type=bind,source=/host,target=/inside,readonly`. */
export function parseMount(text: string): ContainerMount {
  const fields = new Map<string, string | undefined>();
  for (const field of parseFields(text)) {
    const [key, value] = splitPair(field);
    fields.set(mountKeys[key.toLowerCase()] ?? key.toLowerCase(), value);
  }
  const take = (key: string): string | undefined => {
    const value = fields.get(key);
    fields.delete(key);
    return value;
  };
  const flag = (key: string): boolean =>
    fields.has(key) && ["", "1", "true"].includes(take(key) ?? "");
  const type = take("type") ?? "volume";
  const target = take("target") ?? wrong("It names no target");
  const readOnly = flag("readonly");
  take("consistency");
  let mount: ContainerMount;
  if (type === "bind") {
    const source = take("source") ?? wrong("It names no source");
    requireNoShell(source);
    const propagation = take("bind-propagation");
    mount = { type, source, target, readOnly };
    if (propagation !== undefined) mount.propagation = propagation as Propagation;
    if (flag("idmap")) mount.idmap = true;
  } else if (type === "volume") {
    mount = { type, ...named(take("source")), target, readOnly };
    if (flag("volume-nocopy")) mount.noCopy = true;
    const driver = take("volume-driver") ?? "local";
    if (driver !== "local") return wrong(`There is no volume driver “${driver}” here`);
  } else if (type === "tmpfs") {
    const size = take("tmpfs-size");
    const mode = take("tmpfs-mode");
    mount = { type, target, readOnly };
    if (size !== undefined) mount.size = parseSize(size);
    if (mode !== undefined) mount.mode = octal(mode);
  } else {
    return wrong(`Mounts of type “${type}” are not possible here`);
  }
  const [unknown] = fields.keys();
  return unknown === undefined ? mount : wrong(`A mount has no “${unknown}” here`);
}

/** docker's other words for the same. */
const mountKeys: Record<string, string> = {
  ...{ src: "source", dst: "target", destination: "target", ro: "readonly" },
};

export function mountWords(mount: ContainerMount): string[] {
  const { type, target, readOnly } = mount;
  const plain = /^[^:,"\n]+$/;
  if (type === "bind") {
    const { source, propagation, idmap } = mount;
    if (plain.test(source) && plain.test(target)) {
      const options = [readOnly && "ro", propagation, idmap && "idmap"].filter(Boolean).join(",");
      return ["-v", [source, target, options].filter(Boolean).join(":")];
    }
    return [
      "--mount",
      writeFields([
        ...["type=bind", `source=${source}`, `target=${target}`],
        ...(readOnly ? ["readonly"] : []),
        ...(propagation ? [`bind-propagation=${propagation}`] : []),
        ...(idmap ? ["idmap"] : []),
      ]),
    ];
  }
  if (type === "volume") {
    const { source, noCopy } = mount;
    // Without a name -v takes no options.
    if (plain.test(target) && (source !== undefined || (!readOnly && !noCopy))) {
      const options = [readOnly && "ro", noCopy && "nocopy"].filter(Boolean).join(",");
      return ["-v", [source, target, options].filter(Boolean).join(":")];
    }
    return [
      "--mount",
      writeFields([
        ...["type=volume", ...(source === undefined ? [] : [`source=${source}`])],
        `target=${target}`,
        ...(readOnly ? ["readonly"] : []),
        ...(noCopy ? ["volume-nocopy"] : []),
      ]),
    ];
  }
  const { size, mode, exec } = mount;
  // Only --tmpfs can say exec, and only --mount a target with a colon.
  if (plain.test(target)) {
    const options = [
      readOnly && "ro",
      exec && "exec",
      size !== undefined && `size=${sizeText(size)}`,
      mode && `mode=${mode}`,
    ].filter(Boolean);
    return ["--tmpfs", [target, options.join(",")].filter(Boolean).join(":")];
  }
  return [
    "--mount",
    writeFields([
      ...["type=tmpfs", `target=${target}`],
      ...(readOnly ? ["readonly"] : []),
      ...(size === undefined ? [] : [`tmpfs-size=${sizeText(size)}`]),
      ...(mode === undefined ? [] : [`tmpfs-mode=${mode}`]),
    ]),
  ];
}
