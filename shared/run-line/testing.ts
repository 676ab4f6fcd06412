import fc from "fast-check";
import type { RunDraft } from "./draft.ts";

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
/** Absolute, not / itself, and leading nowhere else. */
const path = fc
  .stringMatching(/^\/[ -~]{1,20}$/)
  .filter((text) => !/^\/+$/.test(text) && !text.split("/").includes(".."));
const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z0-9]$/);
const bytes = fc.integer({ min: 6 * 1024 ** 2, max: 2 ** 45 });
const port = fc.integer({ min: 1, max: 65_535 });
const ip = fc.ipV4();
/** Seconds, to the millisecond. */
const duration = fc.integer({ min: 1, max: 100_000_000 }).map((n) => n / 1000);
const mountArbitrary = fc.oneof(
  fc.record(
    {
      type: fc.constant("bind" as const),
      ...{ source: path, target: path, readOnly: fc.boolean() },
      propagation: fc.constantFrom("rslave", "rshared", "private"),
    },
    { requiredKeys: ["type", "source", "target", "readOnly"] },
  ),
  fc.record(
    {
      type: fc.constant("volume" as const),
      ...{ source: fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,20}$/), target: path },
      ...{ readOnly: fc.boolean(), noCopy: fc.constant(true) },
    },
    { requiredKeys: ["type", "target", "readOnly"] },
  ),
  fc.record(
    {
      type: fc.constant("tmpfs" as const),
      ...{ target: path, readOnly: fc.boolean(), size: bytes },
      mode: fc.stringMatching(/^[1-7][0-7]{2,3}$/),
    },
    { requiredKeys: ["type", "target", "readOnly"] },
  ),
);
const capability = fc.constantFrom("ALL", "CAP_NET_ADMIN", "CAP_SYS_TIME", "CAP_CHOWN");
const disk = fc.constantFrom("/dev/sda", "/dev/disk/by-path/pci-0000:00:1f.2");
const rates = fc.array(fc.record({ device: disk, rate: fc.integer({ min: 1, max: 2 ** 45 }) }), {
  minLength: 1,
});
const text = fc.string({ unit: "grapheme", maxLength: 12 }).map((one) => one.replaceAll("\0", ""));

/** Drafts as a line can say them: none with an empty list, and one word of entrypoint. */
export const draftArbitrary = fc
  .record({
    name: optional(word),
    entrypoint: optional(fc.array(fc.stringMatching(/^[!-~]{1,8}$/), { maxLength: 1 })),
    args: fc.array(text),
    env: fc.array(fc.tuple(word, text).map(([key, value]) => `${key}=${value}`)),
    terminal: fc.boolean(),
    cwd: optional(path),
    user: optional(word),
    hostname: optional(word),
    init: optional(fc.constant(true)),
    limits: fc.record(
      { memory: bytes, cpus: fc.integer({ min: 1, max: 800 }).map((n) => n / 100), pids: port },
      { requiredKeys: [] },
    ),
    restart: fc.oneof(
      fc.record({ name: fc.constantFrom("no", "always", "unless-stopped", "on-failure") }),
      fc.record({
        name: fc.constant("on-failure"),
        maximumRetries: fc.integer({ min: 1, max: 9 }),
      }),
    ),
    autoRemove: optional(fc.constant(true)),
    stopSignal: optional(fc.constantFrom("SIGQUIT", "usr1", "SIGRTMIN+3", "12")),
    stopGraceSeconds: optional(fc.integer({ min: 0, max: 86_400 })),
    healthCheck: optional(
      fc.oneof(
        fc.constant({ test: ["NONE"] }),
        fc
          .record(
            {
              test: fc.tuple(
                fc.constant("CMD-SHELL"),
                text.filter((one) => one.trim() !== ""),
              ),
              ...{ intervalSeconds: duration, timeoutSeconds: duration, retries: port },
              ...{ startPeriodSeconds: duration, startIntervalSeconds: duration },
            },
            { requiredKeys: [] },
          )
          .filter((check) => Object.keys(check).length > 0),
      ),
    ),
    labels: fc.dictionary(word, text),
    ports: optional(
      fc.array(
        fc.record(
          {
            ...{ hostIp: fc.oneof(ip, fc.constant("fd00::1")), hostPort: port },
            ...{ containerPort: port, protocol: fc.constantFrom("tcp", "udp") },
          },
          { requiredKeys: ["containerPort", "protocol"] },
        ),
        { minLength: 1 },
      ),
    ),
    networks: optional(
      fc.oneof(
        fc.constantFrom("none", "host"),
        fc.record({ container: word }),
        fc.uniqueArray(
          fc.record(
            {
              name: word.map((name) => `n-${name}`),
              ip4: ip,
              aliases: fc.array(word, { minLength: 1 }),
            },
            { requiredKeys: ["name"] },
          ),
          { minLength: 1, selector: ({ name }) => name },
        ),
      ),
    ),
    mounts: optional(
      fc.uniqueArray(mountArbitrary, { minLength: 1, selector: ({ target }) => target }),
    ),
    security: optional(
      fc
        .record(
          {
            capAdd: fc.array(capability, { minLength: 1 }),
            capDrop: fc.array(capability, { minLength: 1 }),
            seccomp: fc.oneof(fc.constant("unconfined"), fc.record({ path })),
            noNewPrivileges: fc.constant(true),
            readOnlyRoot: fc.constant(true),
            privileged: fc.constant(true),
          },
          { requiredKeys: [] },
        )
        .filter((group) => Object.keys(group).length > 0),
    ),
    shmSize: optional(bytes),
    groupAdd: optional(fc.array(word, { minLength: 1 })),
    devices: optional(
      fc.array(
        fc.record({
          source: word.map((name) => `/dev/${name}`),
          access: fc.constantFrom("r", "rw", "rwm"),
        }),
        { minLength: 1 },
      ),
    ),
    cdiDevices: optional(
      fc.array(fc.constantFrom("nvidia.com/gpu=all", "a.b/c-d=0:1"), { minLength: 1 }),
    ),
    namespaces: optional(
      fc
        .record(
          {
            pid: fc.oneof(fc.constant("host"), fc.record({ container: word })),
            ipc: fc.oneof(fc.constant("host"), fc.record({ container: word })),
            uts: fc.constant("host"),
            cgroup: fc.constantFrom("host", "private"),
          },
          { requiredKeys: [] },
        )
        .filter((group) => Object.keys(group).length > 0),
    ),
    moreLimits: optional(
      fc
        .record(
          {
            ...{ deviceReadBps: rates, deviceWriteBps: rates },
            ...{ deviceReadIops: rates, deviceWriteIops: rates },
            blkioWeightDevice: fc.array(
              fc.record({ device: disk, weight: fc.integer({ min: 10, max: 1000 }) }),
              { minLength: 1 },
            ),
          },
          { requiredKeys: [] },
        )
        .filter((group) => Object.keys(group).length > 0),
    ),
    sysctls: optional(
      fc.record(
        { "net.core.somaxconn": text, "kernel.shmmax": text },
        { requiredKeys: ["kernel.shmmax"] },
      ),
    ),
    extraHosts: optional(
      fc.array(
        fc.record({ host: word, ip: fc.oneof(ip, fc.constantFrom("fd00::1", "host-gateway")) }),
        {
          minLength: 1,
        },
      ),
    ),
  })
  .map((draft) =>
    Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined)),
  )
  .map((draft) => draft as unknown as RunDraft);
