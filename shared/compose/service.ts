import { parseShellWords } from "../base/shell-words.ts";
import type { ContainerMount } from "../contract/container-options.ts";
import { ContainerName } from "../contract/containers.ts";
import { applyFlag } from "../run-line/apply-flag.ts";
import { emptyDraft, RunDraft } from "../run-line/draft.ts";
import { flags } from "../run-line/flags.ts";
import { settle } from "../run-line/settle.ts";
import { wrong } from "../run-line/values.ts";
import { parseDuration } from "./durations.ts";
import { type Field, readKeys } from "./field.ts";
import type { Lookup } from "./interpolate.ts";
import type { Service, ServiceShare } from "./project.ts";
import { readBuild } from "./service-build.ts";
import { readDependencies } from "./service-dependencies.ts";
import { type Deploy, readDeploy } from "./service-deploy.ts";
import { readGpus, readNamedDevice } from "./service-devices.ts";
import { readHealthCheck } from "./service-health.ts";
import { flagKeys, reasonKeys, serviceUnsupported } from "./service-keys.ts";
import { type MountScope, readMount } from "./service-mounts.ts";
import { type NetworkScope, readNetworks } from "./service-networks.ts";
import { readPorts } from "./service-ports.ts";
import { readShare } from "./service-shares.ts";
import type { Text } from "./resources.ts";

/** What a service may name of its project. */
export interface ServiceScope extends MountScope, NetworkScope {
  lookup: Lookup;
  /** A config or secret by its key: undefined when the file has none, null when it can't be had. */
  text(section: "configs" | "secrets", key: string): Text | null | undefined;
  /** Keys of the networks that services are in. */
  usedNetworks: Set<string>;
}

/** Reads one service. `env` is what its env_files say. */
export function readService(
  name: string,
  field: Field,
  scope: ServiceScope,
  env: ReadonlyMap<string, string>,
): Service {
  return new ServiceReader(name, field, scope).read(env);
}

class ServiceReader {
  readonly #field: Field;
  readonly #scope: ServiceScope;
  readonly #service: Service;
  #deploy: Deploy = {};
  #scale: number | undefined;
  #restarts = false;
  #quota: { quota?: number | undefined; period?: number | undefined } = {};

  constructor(name: string, field: Field, scope: ServiceScope) {
    this.#field = field;
    this.#scope = scope;
    this.#service = {
      ...{ name, at: field.at, image: undefined, build: undefined, platform: undefined },
      ...{ pullPolicy: "missing", containerName: undefined, replicas: 1, draft: emptyDraft },
      ...{ hostDirectories: [], files: [], dependsOn: [], shares: [], devices: [] },
    };
  }

  read(env: ReadonlyMap<string, string>): Service {
    const service = this.#service;
    const field = this.#field;
    readKeys(field, "A service", this.#keys(env), serviceUnsupported);
    if (!field.get("environment")) this.#setEnvironment(env);
    const networks = readNetworks(field, service.name, this.#scope, this.#scope.usedNetworks);
    if (networks !== undefined) this.#change({ networks });
    if (/^(service|container):/.test(field.get("network_mode")?.text() ?? "")) {
      field.get("ports")?.note("lost", "Publish them where the network is that it has");
    }
    this.#macAddress();
    this.#applyDeploy();
    service.replicas = this.#deploy.replicas ?? this.#scale ?? 1;
    if (service.image === undefined && !service.build && !field.get("provider")) {
      field.note("error", "It has neither an image nor something to build");
    }
    if (service.containerName !== undefined && service.replicas > 1) {
      field.get("container_name")?.note("error", "Several containers can't have one name");
    }
    service.draft = settle(service.draft);
    this.#check();
    return service;
  }

  #keys(env: ReadonlyMap<string, string>): Record<string, (value: Field) => void> {
    const service = this.#service;
    const keys: Record<string, (value: Field) => void> = {
      image: (value) => {
        service.image = value.text();
      },
      build: (value) => {
        service.build = readBuild(value, this.#scope.lookup);
      },
      platform: (value) => {
        service.platform = value.text();
      },
      pull_policy: (value) => this.#pullPolicy(value),
      container_name: (value) => {
        const name = value.text();
        if (ContainerName.safeParse(name).success) service.containerName = name;
        else value.note("error", "A container can't have that name");
      },
      scale: (value) => {
        this.#scale = value.whole();
      },
      command: (value) => {
        const args = words(value);
        if (args?.length === 0 && (!value.isList || value.items().length === 0))
          value.note("lost", "Its image's command is taken");
        this.#change({ args: args ?? [] });
      },
      entrypoint: (value) => {
        const entrypoint = words(value);
        if (entrypoint) this.#change({ entrypoint });
      },
      environment: (value) => this.#environment(value, env),
      ports: (value) => this.#change({ ports: readPorts(value) }),
      volumes: (value) => this.#volumes(value),
      devices: (value) => value.items().forEach((item) => this.#device(item)),
      gpus: (value) => {
        service.devices.push(...readGpus(value));
      },
      ulimits: (value) => value.entries().forEach(([key, limit]) => this.#ulimit(key, limit)),
      blkio_config: (value) => this.#blockIo(value),
      healthcheck: (value) => {
        const healthCheck = readHealthCheck(value);
        if (healthCheck) this.#change({ healthCheck });
      },
      stop_signal: (value) => {
        const stopSignal = value.text();
        if (stopSignal !== undefined) this.#change({ stopSignal });
      },
      stop_grace_period: (value) => {
        const text = value.text();
        const seconds = value.attempt(() => parseDuration(text ?? ""));
        if (seconds !== undefined) this.#change({ stopGraceSeconds: Math.ceil(seconds) });
      },
      depends_on: (value) => {
        service.dependsOn.push(...readDependencies(value));
      },
      links: (value) => this.#links(value),
      configs: (value) => this.#texts("configs", value),
      secrets: (value) => this.#texts("secrets", value),
      deploy: (value) => {
        this.#deploy = readDeploy(value);
      },
      cpu_quota: (value) => {
        this.#quota.quota = value.number();
      },
      cpu_period: (value) => {
        this.#quota.period = value.number();
      },
      // Read before, or with others.
      ...{ env_file: () => undefined, profiles: () => undefined, mac_address: () => undefined },
      networks: () => undefined,
      network_mode: (value) => this.#share("networks", value),
    };
    for (const [key, [flag]] of Object.entries(flagKeys)) {
      keys[key] = (value) => this.#byForm(key, flag, value);
    }
    for (const type of ["pid", "ipc"] as const) {
      keys[type] = (value) => this.#share(type, value) || this.#byForm(type, type, value);
    }
    for (const [key, flag] of Object.entries(reasonKeys)) {
      keys[key] = (value) => this.#unsupported(flag, value);
    }
    return keys;
  }

  #change(change: Partial<RunDraft>): void {
    this.#service.draft = { ...this.#service.draft, ...change };
  }

  #share(what: ServiceShare["what"], field: Field): boolean {
    const share = readShare(what, field);
    if (share) this.#service.shares.push(share);
    return share !== undefined;
  }

  #byForm(key: string, flag: string, field: Field): void {
    const form = flagKeys[key]?.[1] ?? "one";
    if (key === "restart") this.#restarts = true;
    if (form === "one") this.#flag(flag, field.text(), field);
    else if (form === "each") {
      for (const item of field.oneOrMore()) this.#flag(flag, item.text(), item);
    } else if (form === "switch") {
      const on = field.boolean();
      if (on !== undefined) this.#flag(flag, String(on), field);
    } else {
      for (const { key, value = "", field: pair } of field.pairs(form.mark)) {
        this.#flag(flag, `${key}${form.join}${value}`, pair);
      }
    }
  }

  /** What docker run's flag of that name would change, with `text` as its value. */
  #flag(name: string, text: string | undefined, field: Field): void {
    const flag = flags.get(name);
    if (!flag || text === undefined) return;
    if ("reason" in flag) return field.note(flag.lost ? "lost" : "vain", flag.reason);
    const applied = applyFlag(flag, text, this.#service.draft);
    if (applied.ok) this.#service.draft = applied.draft;
    else field.note("lost", applied.message);
  }

  #unsupported(name: string, field: Field): void {
    const flag = flags.get(name);
    const off = field.tree.kind === "scalar" && /^(false|no|off|0)$/i.test(field.tree.text);
    // `privileged: false` asks for nothing.
    if (!off && flag && "reason" in flag) field.note(flag.lost ? "lost" : "vain", flag.reason);
  }

  #pullPolicy(field: Field): void {
    const policy = field.text();
    const known = { if_not_present: "missing", missing: "missing", always: "always" } as const;
    if (policy === "never" || policy === "build") this.#service.pullPolicy = policy;
    else if (policy !== undefined && policy in known) {
      this.#service.pullPolicy = known[policy as keyof typeof known];
    } else field.note("lost", "An image is pulled when it is not here, or with “always”");
  }

  #environment(field: Field, before: ReadonlyMap<string, string>): void {
    const env = new Map(before);
    for (const { key, value, field: pair } of field.pairs()) {
      const found = value ?? this.#scope.lookup(key);
      if (found !== undefined) env.set(key, found);
      else {
        env.delete(key);
        pair.note("lost", `${key} has no value here: it is left out`);
      }
      noteReading(pair);
    }
    this.#setEnvironment(env);
  }

  #setEnvironment(env: ReadonlyMap<string, string>): void {
    this.#change({ env: [...env].map(([key, value]) => `${key}=${value}`) });
  }

  #volumes(field: Field): void {
    const mounts = new Map<string, ContainerMount>();
    for (const item of field.items()) {
      const read = readMount(item, this.#scope);
      if (!read) continue;
      const { mount, create } = read;
      mounts.delete(mount.target);
      mounts.set(mount.target, mount);
      if (create && mount.type === "bind") this.#service.hostDirectories.push(mount.source);
    }
    if (mounts.size === 0) return;
    const before = (this.#service.draft.mounts ?? []).filter(({ target }) => !mounts.has(target));
    this.#change({ mounts: [...before, ...mounts.values()] });
  }

  #device(field: Field): void {
    const named = readNamedDevice(field);
    if (named) {
      this.#service.devices.push(named);
      return;
    }
    if (!field.isDict) return this.#flag("device", field.text(), field);
    const source = field.get("source")?.text();
    const target = field.get("target")?.text();
    const access = field.get("permissions")?.text();
    if (source === undefined) return field.note("error", "It names no source");
    return this.#flag("device", [source, target ?? source, access ?? "rwm"].join(":"), field);
  }

  #ulimit(name: string, field: Field): void {
    const [soft, hard] = field.isDict
      ? [field.get("soft")?.text(), field.get("hard")?.text()]
      : [field.text(), undefined];
    const first = soft ?? hard;
    if (first === undefined) return;
    this.#flag("ulimit", `${name}=${first}${hard === undefined ? "" : `:${hard}`}`, field);
  }

  #blockIo(field: Field): void {
    const each = (flag: string, what: "rate" | "weight") => (list: Field) => {
      for (const item of list.items()) {
        const device = item.get("path")?.text() ?? "";
        this.#flag(flag, `${device}:${item.get(what)?.text() ?? ""}`, item);
      }
    };
    readKeys(field, "Block I/O", {
      weight: (value) => this.#flag("blkio-weight", value.text(), value),
      weight_device: each("blkio-weight-device", "weight"),
      device_read_bps: each("device-read-bps", "rate"),
      device_read_iops: each("device-read-iops", "rate"),
      device_write_bps: each("device-write-bps", "rate"),
      device_write_iops: each("device-write-iops", "rate"),
    });
  }

  /** Those of one network find each other by name; what is left of a link is that it comes later. */
  #links(field: Field): void {
    const known = this.#field.get("depends_on");
    const dependencies = new Set((known ? readDependencies(known) : []).map((one) => one.service));
    for (const item of field.items()) this.#link(item, dependencies);
  }

  #link(field: Field, dependencies: ReadonlySet<string>): void {
    const text = field.text();
    if (text === undefined) return;
    const [service = "", alias = service] = text.split(":");
    if (alias !== service) {
      field.note("lost", `It finds “${service}” by that name only: give it the alias in a network`);
    }
    if (dependencies.has(service)) return;
    this.#service.dependsOn.push({
      ...{ service, condition: "service_started", required: true, restart: false },
    });
  }

  #texts(section: "configs" | "secrets", field: Field): void {
    for (const item of field.items()) {
      const key = (item.isDict ? item.get("source") : item)?.text();
      if (key === undefined) continue;
      const text = this.#scope.text(section, key);
      if (text === undefined) item.note("error", `The file has no “${key}” under ${section}:`);
      else if (text) this.#text(section, key, text, item);
    }
  }

  #text(section: "configs" | "secrets", key: string, text: Text, item: Field): void {
    const asked = (name: string): Field | undefined => (item.isDict ? item.get(name) : undefined);
    const named = asked("target")?.text() ?? key;
    const base = section === "secrets" ? "/run/secrets/" : "/";
    const target = named.startsWith("/") ? named : `${base}${named}`;
    for (const owner of ["uid", "gid"]) {
      asked(owner)?.note(
        "lost",
        "It is the file's owner's, or root's: give it a mode that others can read",
      );
    }
    if ("path" in text) {
      asked("mode")?.note("lost", "It has the mode that its file has");
      const mount = { type: "bind", source: text.path, target, readOnly: true } as const;
      this.#change({ mounts: [...(this.#service.draft.mounts ?? []), mount] });
      return;
    }
    const written = asked("mode");
    const mode = written?.attempt(() => parseMode(written.text() ?? "")) ?? 0o444;
    this.#service.files.push({ target, content: text.content, mode });
  }

  #macAddress(): void {
    const field = this.#field.get("mac_address");
    if (field) this.#flag("mac-address", field.text(), field);
  }

  /** The older keys win, as they are what one machine has. */
  #applyDeploy(): void {
    const { cpus, memory, pids, memoryReservation, restart, devices = [] } = this.#deploy;
    this.#service.devices.push(...devices);
    const { limits, moreLimits } = this.#service.draft;
    const { quota, period = 100_000 } = this.#quota;
    const share = quota !== undefined && quota > 0 ? quota / period : undefined;
    const merged = {
      ...(share ? { cpus: share } : {}),
      ...(cpus ? { cpus } : {}),
      ...(memory ? { memory } : {}),
      ...(pids ? { pids } : {}),
    };
    this.#change({ limits: { ...merged, ...limits } });
    if (memoryReservation) this.#change({ moreLimits: { memoryReservation, ...moreLimits } });
    if (restart && !this.#restarts) this.#change({ restart });
  }

  /** What no single key is wrong about, or was not looked at by itself. */
  #check(): void {
    const field = this.#field;
    const checked = RunDraft.safeParse(this.#service.draft);
    for (const { path, message } of checked.error?.issues ?? []) {
      const key = fieldKeys[String(path[0])] ?? String(path[0]);
      (field.get(key) ?? field).note("error", message);
    }
  }
}

/** Where fields of a container come from whose names are others in a service. */
const fieldKeys: Record<string, string> = {
  ...{ args: "command", env: "environment", mounts: "volumes", stopSignal: "stop_signal" },
  ...{ limits: "deploy", stopGraceSeconds: "stop_grace_period", healthCheck: "healthcheck" },
};

/** A text is split as a shell would. */
function words(field: Field): string[] | undefined {
  if (field.isList) return field.texts();
  const text = field.text();
  if (text === undefined) return undefined;
  return field.attempt(() => {
    const parsed = parseShellWords(text);
    return parsed.ok ? parsed.words.map(({ value }) => value) : wrong(parsed.message);
  });
}

function parseMode(text: string): number {
  return /^(0o?)?[0-7]{3,4}$/.test(text)
    ? Number.parseInt(text.replace(/^0o/, ""), 8)
    : wrong(`“${text}” is no mode: write 0444`);
}

/** Values that readers of YAML take for different things. */
function noteReading({ tree, notes, path, at }: Field): void {
  if (tree.kind !== "scalar" || !tree.plain) return;
  const old = typeof tree.value === "string" && /^(y|n|yes|no|on|off)$/i.test(tree.text);
  const number = typeof tree.value === "number" && String(tree.value) !== tree.text;
  if (old || number) {
    notes.add(
      "vain",
      at,
      path,
      `It is the text “${tree.text}”: quote it, so that everyone reads it so`,
    );
  }
}
