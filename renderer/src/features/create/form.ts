import type { ContainerConfig, RestartPolicy } from "#shared/contract/containers";
import type { ImageConfig } from "#shared/contract/images";
import { parseShellWords } from "#shared/base/shell-words";
import { initialNetworkForm, type NetworkForm, toNetworks } from "./network-form.ts";
import { optionPaths, type OptionsForm, toOptions } from "./options-form.ts";
import { type LimitFields, parseLimits } from "../container/limit-fields.ts";

export interface Pair {
  /** Stays with the row while it is edited. */
  id: number;
  key: string;
  value: string;
}

/** Everything as it is typed. What is absent is as the image has it. */
export interface CreateForm {
  name: string;
  imageId: string;
  entrypoint?: string | undefined;
  command?: string | undefined;
  /** Absent: for a shell alone, which ends at once without one. */
  terminal?: boolean | undefined;
  /** Only as a command line or another container had it: it has no field of its own. */
  stdin?: boolean | undefined;
  start: boolean;
  env: Pair[];
  cwd?: string | undefined;
  user?: string | undefined;
  hostname: string;
  limits: LimitFields;
  restart: RestartPolicy["name"];
  retries: string;
  network: NetworkForm;
  options: OptionsForm;
  labels: Pair[];
  /** Empty: the host's best. */
  runtime: string;
  /** Empty: a shim of its own. */
  shimGroup: string;
}

/** By field, as AppError's details.field names them. */
export type FormErrors = Partial<Record<FormField, string>>;
export type FormField = (typeof formFields)[number];

export const formFields = [
  "name",
  "imageId",
  "entrypoint",
  "args",
  "env",
  "cwd",
  "user",
  "hostname",
  "limits.memory",
  "limits.cpus",
  "limits.pids",
  "networks",
  "ports",
  "restart",
  "labels",
  "runtime",
  ...optionPaths,
  "shimGroup",
] as const;

/** Those of the part about environment, limits and more: a fault in one opens it. */
export const moreFields: readonly FormField[] = [
  ...(["env", "cwd", "user", "hostname", "limits.memory", "limits.cpus", "limits.pids"] as const),
  ...(["restart", "labels", "runtime"] as const),
];

let nextPair = 1;
export function pair(key = "", value = ""): Pair {
  return { id: nextPair++, key, value };
}

export function initialForm(name: string, imageId: string): CreateForm {
  return {
    name,
    imageId,
    start: true,
    env: [],
    hostname: "",
    limits: { memory: "", cpus: "", pids: "" },
    restart: "no",
    retries: "",
    network: initialNetworkForm,
    options: {},
    labels: [],
    runtime: "",
    shimGroup: "",
  };
}

type Process = Pick<ContainerConfig, "entrypoint" | "args">;

/**
 * What is run, as the contract says it: an entrypoint that is named takes the image's command away, and no
 * arguments mean the image's.
 */
function toProcess(
  form: CreateForm,
  image: ImageConfig | undefined,
  errors: FormErrors,
): Process | undefined {
  const entrypoint = wordsOf(form.entrypoint, "entrypoint", errors);
  const args = wordsOf(form.command, "args", errors);
  if (errors.entrypoint ?? errors.args) return undefined;
  // Emptied on purpose: only with an entrypoint that is named does the image's command not come back.
  const bare = args?.length === 0 && (image?.cmd.length ?? 0) > 0;
  const named = entrypoint ?? (bare && image?.entrypoint.length ? image.entrypoint : undefined);
  if (named?.length === 0 && !args?.length) {
    errors.args = "Without an entrypoint it needs a command";
    return undefined;
  }
  return { entrypoint: named, args: args ?? [] };
}

/** The words that were typed; undefined when nothing was, or when they can't be read. */
function wordsOf(
  text: string | undefined,
  field: "entrypoint" | "args",
  errors: FormErrors,
): string[] | undefined {
  if (text === undefined) return undefined;
  const parsed = parseShellWords(text);
  if (parsed.ok) return parsed.words.map(({ value }) => value);
  errors[field] = parsed.message;
  return undefined;
}

/** Shells that read what is typed when they are given nothing else to do. */
const shells = new Set(["sh", "ash", "bash", "dash", "zsh", "fish"]);

export function hasTerminal(form: CreateForm, image: ImageConfig | undefined): boolean {
  if (form.terminal !== undefined) return form.terminal;
  const { entrypoint, args } = toProcess(form, image, {}) ?? {};
  const command = args?.length || entrypoint !== undefined ? args : image?.cmd;
  const words = [...(entrypoint ?? image?.entrypoint ?? []), ...(command ?? [])];
  return words.length === 1 && shells.has(words[0]?.split("/").at(-1) ?? "");
}

/** What was typed as a configuration; undefined when a field is wrong, which `errors` then says. */
export function toConfig(
  form: CreateForm,
  image: ImageConfig | undefined,
): {
  config: ContainerConfig | undefined;
  errors: FormErrors;
} {
  const errors: FormErrors = {};
  if (form.name === "") errors.name = "Give it a name";
  if (form.imageId === "") errors.imageId = "Choose an image";
  const process = toProcess(form, image, errors);
  const env = form.env.filter(({ key, value }) => key !== "" || value !== "");
  const badKey = env.find(({ key }) => key === "" || key.includes("="));
  if (badKey)
    errors.env = badKey.key
      ? `“${badKey.key}” can't have a = in its name`
      : "A variable has no name";
  if (form.cwd && !form.cwd.startsWith("/")) errors.cwd = "Begin with a /";
  if (form.hostname.length > 64) errors.hostname = "At most 64 characters";
  const shimGroup = form.shimGroup.trim();
  if (shimGroup !== "" && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/.test(shimGroup))
    errors.shimGroup = "Up to 64 letters, digits, “_”, “.” and “-”";
  const { limits, errors: limitErrors } = parseLimits(form.limits);
  if (limitErrors.memory) errors["limits.memory"] = limitErrors.memory;
  if (limitErrors.cpus) errors["limits.cpus"] = limitErrors.cpus;
  if (limitErrors.pids) errors["limits.pids"] = limitErrors.pids;
  const { errors: networkErrors, ...network } = toNetworks(form.network);
  Object.assign(errors, networkErrors);
  const retries = form.retries.trim() === "" ? undefined : Number(form.retries);
  if (
    form.restart === "on-failure" &&
    retries !== undefined &&
    !(Number.isInteger(retries) && retries >= 1)
  ) {
    errors.restart = "Write a whole number from 1";
  }
  const { options, errors: optionErrors } = toOptions(form.options);
  Object.assign(errors, optionErrors);
  const labels = form.labels.filter(({ key, value }) => key !== "" || value !== "");
  if (labels.some(({ key }) => key === "")) errors.labels = "A label has no name";
  if (Object.keys(errors).length > 0 || !process || !limits) return { config: undefined, errors };
  return {
    errors,
    config: {
      name: form.name,
      imageId: form.imageId,
      ...process,
      env: env.map(({ key, value }) => `${key}=${value}`),
      cwd: form.cwd || undefined,
      user: form.user?.trim() || undefined,
      terminal: hasTerminal(form, image),
      ...(form.stdin === undefined ? {} : { stdin: form.stdin }),
      hostname: form.hostname.trim() || undefined,
      limits,
      restart: {
        name: form.restart,
        maximumRetries: form.restart === "on-failure" ? retries : undefined,
      },
      ...network,
      ...options,
      labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])),
      runtime: form.runtime || undefined,
      shimGroup: shimGroup || undefined,
    },
  };
}

/** The form's field that a server's error names: `config.limits.memory` is `limits.memory`. */
export function fieldOf(path: string | undefined): FormField | undefined {
  if (path === undefined) return undefined;
  const inner = path
    .replace(/^(input\.)?config\./, "")
    // Those by name are written where the others are.
    .replace(/^cdiDevices/, "devices");
  return formFields.find((field) => inner === field || inner.startsWith(`${field}.`));
}

/** Lines of KEY=VALUE, as an .env file has them: comments, blank lines and `export` are left out. */
export function parsePairLines(text: string): Pair[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim().replace(/^export\s+/, ""))
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const at = line.indexOf("=");
      if (at < 0) return pair(line);
      const value = line.slice(at + 1);
      const quoted = /^(["'])(.*)\1$/s.exec(value);
      return pair(line.slice(0, at), quoted?.[2] ?? value);
    });
}

const adjectives =
  "amber brisk calm clear coral early even fair fleet fresh gentle golden keen level light lucid mellow noble pale prime quick quiet rapid royal sharp silver steady still swift vivid warm west".split(
    " ",
  );
const nouns =
  "anchor barge beacon berth bollard bow buoy capstan compass cove crane cutter davit dock ferry fjord gull harbor hull jetty keel lantern mast mooring pier quay rudder sail sextant sloop tide wharf".split(
    " ",
  );

/** A name that nobody has yet: `quiet-quay`. */
export function generateName(taken: (name: string) => boolean): string {
  const any = (list: string[]): string => list[Math.floor(Math.random() * list.length)] as string;
  for (let tries = 0; tries < 20; tries += 1) {
    const name = `${any(adjectives)}-${any(nouns)}`;
    if (!taken(name)) return name;
  }
  return `container-${Date.now().toString(36)}`;
}
