import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunDraft, RunNote } from "./draft.ts";
import { emptyDraft } from "./draft.ts";
import { flags, shortFlags } from "./flags.ts";
import { looksLikeRunLine, parseRunLine } from "./parse-run-line.ts";
import { draftArbitrary } from "./testing.ts";
import { flagGroups, writeRunLine } from "./write-run-line.ts";

function read(line: string): { draft: RunDraft; image: string; start: boolean; notes: RunNote[] } {
  const parsed = parseRunLine(line);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed;
}

const mebibyte = 1024 ** 2;

/** What of a draft a line says. */
it.each<[line: string, says: Partial<RunDraft>]>([
  ["docker run nginx", {}],
  ["docker run -itd --name web nginx", { name: "web", terminal: true }],
  ["docker run -t nginx", { terminal: true, stdin: false }],
  ["docker run -i nginx", { stdin: true }],
  ["docker run --init=false --init nginx", { init: true }],
  ["docker run nginx -it --name x", { args: ["-it", "--name", "x"] }],
  ["docker run -- nginx", {}],
  [`docker run nginx sh -c 'echo "$HOME"; ls'`, { args: ["sh", "-c", 'echo "$HOME"; ls'] }],
  ["docker run -eA=1 -e B=x=y --env=C= nginx", { env: ["A=1", "B=x=y", "C="] }],
  [
    "docker run -u 1000:1000 -w /srv -h box nginx",
    { user: "1000:1000", cwd: "/srv", hostname: "box" },
  ],
  ["docker run -l a=b -l c nginx", { labels: { a: "b", c: "" } }],
  [`docker run --entrypoint "" nginx ls`, { entrypoint: [], args: ["ls"] }],
  [`podman run --entrypoint '["a","b"]' nginx`, { entrypoint: ["a", "b"] }],
  [
    "docker run -p8080:80 -p 127.0.0.1:53:53/udp -p 90 nginx",
    {
      ports: [
        { hostPort: 8080, containerPort: 80, protocol: "tcp" },
        { hostIp: "127.0.0.1", hostPort: 53, containerPort: 53, protocol: "udp" },
        { containerPort: 90, protocol: "tcp" },
      ],
    },
  ],
  [
    "docker run -v /srv/www:/www:ro,z --mount type=bind,src=/a,dst=/b,bind-propagation=rslave nginx",
    {
      mounts: [
        { type: "bind", source: "/srv/www", target: "/www", readOnly: true },
        { type: "bind", source: "/a", target: "/b", readOnly: false, propagation: "rslave" },
      ],
    },
  ],
  [
    "docker run -v data:/data:ro,nocopy -v cache:/cache -v /scratch nginx",
    {
      mounts: [
        { type: "volume", source: "data", target: "/data", readOnly: true, noCopy: true },
        { type: "volume", source: "cache", target: "/cache", readOnly: false },
        { type: "volume", target: "/scratch", readOnly: false },
      ],
    },
  ],
  [
    "docker run --mount src=data,dst=/data,readonly --mount type=volume,dst=/own,volume-nocopy nginx",
    {
      mounts: [
        { type: "volume", source: "data", target: "/data", readOnly: true },
        { type: "volume", target: "/own", readOnly: false, noCopy: true },
      ],
    },
  ],
  [
    "docker run --tmpfs /run:size=64m,mode=1777,exec --mount type=tmpfs,target=/tmp,tmpfs-size=1m,readonly nginx",
    {
      mounts: [
        ...[{ type: "tmpfs" as const, target: "/run", readOnly: false }].map((mount) => ({
          ...mount,
          ...{ size: 64 * mebibyte, mode: "1777", exec: true },
        })),
        { type: "tmpfs", target: "/tmp", readOnly: true, size: mebibyte },
      ],
    },
  ],
  [
    "docker run -m 1g --cpus 1.5 --pids-limit 100 nginx",
    { limits: { memory: 1024 * mebibyte, cpus: 1.5, pids: 100 } },
  ],
  ["docker run -m 64m --memory-swap 64m nginx", { limits: { memory: 64 * mebibyte } }],
  [
    "docker run -c 512 --cpuset-cpus 0-1,3 --memory-swap -1 --memory-reservation 32m --blkio-weight 300 --oom-score-adj -5 nginx",
    {
      moreLimits: {
        ...{ cpuShares: 512, cpusetCpus: "0-1,3", memorySwap: -1, blkioWeight: 300 },
        ...{ memoryReservation: 32 * mebibyte, oomScoreAdj: -5 },
      },
    },
  ],
  [
    "docker run --ulimit nofile=1024:2048 --ulimit core=-1 --shm-size 128m nginx",
    {
      ulimits: [
        { name: "nofile", soft: 1024, hard: 2048 },
        { name: "core", soft: -1, hard: -1 },
      ],
      shmSize: 128 * mebibyte,
    },
  ],
  [
    "docker run --cap-drop all --cap-add net_admin --cap-add CAP_SYS_TIME --security-opt no-new-privileges --security-opt seccomp=unconfined --read-only nginx",
    {
      security: {
        ...{ capDrop: ["ALL"], capAdd: ["CAP_NET_ADMIN", "CAP_SYS_TIME"], seccomp: "unconfined" },
        ...{ noNewPrivileges: true, readOnlyRoot: true },
      },
    },
  ],
  [
    "docker run --device /dev/fuse --device /dev/sda:/dev/xvda:r --device /dev/kvm:rw nginx",
    {
      devices: [
        { source: "/dev/fuse", access: "rwm" },
        { source: "/dev/sda", target: "/dev/xvda", access: "r" },
        { source: "/dev/kvm", access: "rw" },
      ],
    },
  ],
  [
    "docker run --privileged --group-add audio --group-add 44 --pid host --ipc container:db --uts host --cgroupns private nginx",
    {
      security: { privileged: true },
      groupAdd: ["audio", "44"],
      namespaces: { pid: "host", ipc: { container: "db" }, uts: "host", cgroup: "private" },
    },
  ],
  [
    "podman run -v /srv:/www:ro,idmap --mount type=bind,src=/a,dst=/b,idmap -v data:/data:idmap nginx",
    {
      mounts: [
        { type: "bind", source: "/srv", target: "/www", readOnly: true, idmap: true },
        { type: "bind", source: "/a", target: "/b", readOnly: false, idmap: true },
        { type: "volume", source: "data", target: "/data", readOnly: false },
      ],
    },
  ],
  ["docker run --network container:db nginx", { networks: { container: "db" } }],
  ["docker run --pid private --ipc shareable --uts private --userns host nginx", {}],
  [
    "docker run --device-read-bps /dev/sda:1m --device-read-bps /dev/sdb:512k --device-write-bps /dev/sda:10kb --device-read-iops /dev/sda:100 --device-write-iops /dev/sda:50 --blkio-weight-device /dev/sda:200 nginx",
    {
      moreLimits: {
        deviceReadBps: [
          { device: "/dev/sda", rate: mebibyte },
          { device: "/dev/sdb", rate: mebibyte / 2 },
        ],
        deviceWriteBps: [{ device: "/dev/sda", rate: 10 * 1024 }],
        deviceReadIops: [{ device: "/dev/sda", rate: 100 }],
        deviceWriteIops: [{ device: "/dev/sda", rate: 50 }],
        blkioWeightDevice: [{ device: "/dev/sda", weight: 200 }],
      },
    },
  ],
  [
    "docker run --device vendor.com/net=eth0 --gpus all nginx",
    { cdiDevices: ["vendor.com/net=eth0", "nvidia.com/gpu=all"] },
  ],
  ["docker run --gpus 2 nginx", { cdiDevices: ["nvidia.com/gpu=0", "nvidia.com/gpu=1"] }],
  [
    `docker run --gpus '"device=0,GPU-3faa8"' nginx`,
    { cdiDevices: ["nvidia.com/gpu=0", "nvidia.com/gpu=GPU-3faa8"] },
  ],
  ["podman run --userns auto nginx", { userns: { auto: 65_536 } }],
  ["podman run --userns auto:size=1000 nginx", { userns: { auto: 1000 } }],
  [
    "podman run --uidmap 0:100000:1000 --uidmap 1000:1000 --gidmap 0:200000:1000 --uidmap g5:5:1 nginx",
    {
      userns: {
        uids: [
          { inside: 0, outside: 100_000, size: 1000 },
          { inside: 1000, outside: 1000, size: 1 },
        ],
        gids: [
          { inside: 0, outside: 200_000, size: 1000 },
          { inside: 5, outside: 5, size: 1 },
        ],
      },
    },
  ],
  [
    "docker run --sysctl net.core.somaxconn=1024 --dns 1.1.1.1 --dns-search a.b --dns-opt ndots:2 --add-host db:10.0.0.2 --add-host six=[fd00::1] nginx",
    {
      sysctls: { "net.core.somaxconn": "1024" },
      dns: { servers: ["1.1.1.1"], search: ["a.b"], options: ["ndots:2"] },
      extraHosts: [
        { host: "db", ip: "10.0.0.2" },
        { host: "six", ip: "fd00::1" },
      ],
    },
  ],
  [
    "docker run --restart on-failure:3 nginx",
    { restart: { name: "on-failure", maximumRetries: 3 } },
  ],
  [
    "docker run --rm --stop-signal SIGQUIT --stop-timeout 30 nginx",
    { autoRemove: true, stopSignal: "SIGQUIT", stopGraceSeconds: 30 },
  ],
  [
    "docker run --health-cmd '[ -e /ok ]' --health-interval 1m30s --health-timeout=500ms --health-retries 5 --health-start-period 1h --health-start-interval 1.5s nginx",
    {
      healthCheck: {
        ...{ test: ["CMD-SHELL", "[ -e /ok ]"], intervalSeconds: 90, timeoutSeconds: 0.5 },
        ...{ retries: 5, startPeriodSeconds: 3600, startIntervalSeconds: 1.5 },
      },
    },
  ],
  ["docker run --health-interval 0 --health-retries 2 nginx", { healthCheck: { retries: 2 } }],
  ["docker run --no-healthcheck nginx", { healthCheck: { test: ["NONE"] } }],
  ["podman run --health-cmd none nginx", { healthCheck: { test: ["NONE"] } }],
  [
    `podman run --health-cmd '["CMD","curl","-f"]' nginx`,
    { healthCheck: { test: ["CMD", "curl", "-f"] } },
  ],
  [`podman run --health-cmd '["a b"]' nginx`, { healthCheck: { test: ["CMD", "a b"] } }],
  ["docker run --restart=always nginx", { restart: { name: "always" } }],
  ["docker run --net host nginx", { networks: "host" }],
  [
    "docker run --network back --ip 10.89.0.7 --network-alias db nginx",
    { networks: [{ name: "back", ip4: "10.89.0.7", aliases: ["db"] }] },
  ],
  [
    "docker run --network name=back,ip=10.89.0.7,alias=db,alias=pg nginx",
    { networks: [{ name: "back", ip4: "10.89.0.7", aliases: ["db", "pg"] }] },
  ],
  ["podman run --network pasta nginx", {}],
  [
    "docker run --ip 10.89.0.7 --network-alias db --net back nginx",
    { networks: [{ name: "back", ip4: "10.89.0.7", aliases: ["db"] }] },
  ],
  ["docker run --cpu-period 50000 --cpu-quota 75000 nginx", { limits: { cpus: 1.5 } }],
  ["docker run --cpu-quota 50000 nginx", { limits: { cpus: 0.5 } }],
  ["docker run --cpu-quota -1 nginx", {}],
  ["docker run --domainname a.b nginx", { sysctls: { "kernel.domainname": "a.b" } }],
  ["docker run -p 0:80 nginx", { ports: [{ containerPort: 80, protocol: "tcp" }] }],
])("reads %s", (line, says) => {
  const { draft, image, notes } = read(line);
  expect(draft).toEqual({ ...emptyDraft, ...says });
  expect(image).toBe("nginx");
  expect(notes).toEqual([]);
});

it("reads what is copied from a page: a prompt, sudo, line breaks", () => {
  const { draft, image, start } = read(
    "$ sudo docker container create \\\r\n  --name web \\\r\n  nginx:1 \n",
  );
  expect(draft.name).toBe("web");
  expect({ image, start }).toEqual({ image: "nginx:1", start: false });
});

it.each([
  ["a comment in backticks", "docker run -d \\\n --name web `#optional` \\\n nginx"],
  ["a blank behind a backslash", "docker run -d \\ \n --name web \\\t\n nginx"],
  ["comments", "# first\ndocker run -d \\ # in it\n # alone\n --name web nginx # last"],
  ["a comment's line behind a continued one", "docker run \\\n # name\n --name web \\\n nginx"],
  ["lines that are not continued", "docker run -d\n--name web\n  nginx"],
  ["cmd's lines", "docker run ^\n --name web ^\n nginx"],
  ["PowerShell's lines", "docker run `\n --name web `\n nginx"],
  [
    "variables, and flags of sudo and docker",
    "A=b sudo -E docker --context x run --name web nginx",
  ],
  ["an end", "docker run --name web nginx;\n"],
  ["the root user's prompt", "# docker run --name web nginx"],
  ["a word over two lines", "docker run --name w\\\neb nginx"],
])("reads what pages have: %s", (_, line) => {
  expect(looksLikeRunLine(line)).toBe(true);
  const { draft, image, notes } = read(line);
  expect({ draft, image, notes }).toEqual({
    ...{ draft: { ...emptyDraft, name: "web" }, image: "nginx", notes: [] },
  });
});

describe("where a line is run", () => {
  const line =
    'docker run -u $(id -u):$(id -g) -v "$PWD"/a:/a -v ./b:/b -v ~/c:/c --mount type=bind,src=`pwd`,dst=/d --security-opt seccomp=p.json --env-file .env nginx';

  it("is put in the place of what a shell would", () => {
    const user = { uid: 1000, gid: 100, name: "mara" };
    const parsed = parseRunLine(line, { directory: "/srv/web", home: "/home/mara", user });
    if (!parsed.ok) throw new Error(parsed.message);
    expect(parsed.draft.user).toBe("1000:100");
    expect(parsed.draft.security?.seccomp).toEqual({ path: "/srv/web/p.json" });
    const sources = parsed.draft.mounts?.map((mount) => "source" in mount && mount.source);
    expect(sources).toEqual(["/srv/web/a", "/srv/web/b", "/home/mara/c", "/srv/web"]);
    expect(parsed.inDirectory).toBe(true);
    expect(parsed.notes).toMatchObject([{ envFile: "/srv/web/.env" }]);
  });

  it("is asked for, and each part said once, while it is not known", () => {
    const parsed = parseRunLine(line);
    if (!parsed.ok) throw new Error(parsed.message);
    expect(parsed.inDirectory).toBe(true);
    expect(parsed.draft.mounts).toBeUndefined();
    expect(parsed.notes).toHaveLength(7);
  });

  it("matters to few lines, and never within single quotes", () => {
    for (const text of ["docker run -v /a:/b nginx", "docker run nginx sh -c 'cd $PWD'"]) {
      const parsed = parseRunLine(text, { directory: "/x" });
      expect(parsed).toMatchObject({ ok: true, inDirectory: false, notes: [] });
    }
  });
});

it.each<[line: string, flag: string, reason: RegExp, lost: boolean]>([
  ["docker run -dP nginx", "-P", /Publish the ports/, true],
  ["docker run --gpus 2,driver=x nginx", "--gpus 2,driver=x", /Write all/, true],
  ["docker run --net container: nginx", "--net container:", /Name the container/, true],
  ["docker run --net container:a --net b nginx", "--net b", /has the network of “a” already/, true],
  ["docker run --net b --net container:a nginx", "--net container:a", /as well/, true],
  ["podman run --net ns:/x nginx", "--net ns:/x", /no container's/, true],
  ["docker run --pid ns:/x nginx", "--pid ns:/x", /host or container:NAME/, true],
  ["docker run --cgroupns mine nginx", "--cgroupns mine", /expected/i, true],
  ["podman run --userns keep-id nginx", "--userns keep-id", /no user namespace/, true],
  ["podman run --uidmap a:b:c nginx", "--uidmap a:b:c", /no whole number/, true],
  ["podman run --group-add keep-groups nginx", "--group-add keep-groups", /not taken over/, true],
  ["docker run --device-read-bps /dev/sda nginx", "--device-read-bps /dev/sda", /colon/, true],
  ["docker run --device vendor/x nginx", "--device vendor/x", /vendor\.com\/class=name/, true],
  ["docker run --env-file .env nginx", "--env-file .env", /paste its lines/, true],
  ["docker run --stop-timeout -1 nginx", "--stop-timeout -1", /no longer than a day/, true],
  ["docker run --stop-signal 99a nginx", "--stop-signal 99a", /SIGQUIT/, true],
  ["docker run --health-interval 5 nginx", "--health-interval 5", /write 30s/, true],
  ["docker run --health-retries 1 --no-healthcheck nginx", "--no-healthcheck", /both/, true],
  ["podman run --health-on-failure kill nginx", "--health-on-failure kill", /nothing is/, true],
  ["docker run -e HOME nginx", "-e HOME", /value is that of the shell/, true],
  ["docker run -v da+ta:/data nginx", "-v da+ta:/data", /neither a volume's name/, true],
  [
    "docker run --mount volume-driver=nfs,dst=/a nginx",
    "--mount volume-driver=nfs,dst=/a",
    /volume driver “nfs”/,
    true,
  ],
  ["docker run -v ./here:/data nginx", "-v ./here:/data", /path from \/ on/, true],
  ["docker run -m lots nginx", "-m lots", /no size/, true],
  ["docker run -m 1m nginx", "-m 1m", /expected/i, true],
  ["docker run --ulimit nofile=9:1 nginx", "--ulimit nofile=9:1", /above the hard/, true],
  ["docker run --sysctl vm.swappiness=1 nginx", "--sysctl vm.swappiness=1", /net\.\*/, true],
  ["docker run --pull always nginx", "--pull always", /pulled/, false],
  ["docker run --frobnicate nginx", "--frobnicate", /no such flag/, true],
  ["docker run nginx | grep x", "| grep x", /first command/, true],
  ["docker run -d nginx; docker logs x", "; docker logs x", /first command/, true],
  ["docker run nginx\ndocker run redis", "docker run redis", /first command/, true],
  ["docker volume create data\ndocker run nginx", "docker volume create data", /is made/, false],
  ["docker network create a && docker run nginx", "docker network create a", /Only/, true],
  ["docker run -v $PWD/a:/b nginx", "-v $PWD/a:/b", /where the command is run/, true],
  ["docker run -e A=$(openssl rand 9) nginx", "A=$(openssl rand 9)", /shell/, true],
  ["docker run --cpu-quota a nginx", "--cpu-quota a", /microseconds/, true],
  ["docker run -e A=$B nginx", "A=$B", /shell/, true],
])("says what of %s is not carried over", (line, flag, reason, lost) => {
  const { notes, image } = read(line);
  expect(notes).toContainEqual({ flag, lost, reason: expect.stringMatching(reason) as string });
  expect(image).toBe("nginx");
});

it("asks for nothing that is said to be off", () => {
  expect(read("docker run --privileged=false --rm=false nginx").notes).toEqual([]);
  expect(read("docker run --rm --rm=false --health-retries 0 nginx").draft).toEqual(emptyDraft);
});

it.each([
  ["echo hi", 0, "no docker run"],
  ["docker run", 10, "names no image"],
  ["docker run -it", 14, "names no image"],
  ["docker run --name", 11, "has no value"],
  ["docker run -e 'A nginx", 14, "never closed"],
])("refuses %j", (line, position, message) => {
  expect(parseRunLine(line)).toEqual({
    ...{ ok: false, position, message: expect.stringContaining(message) as string },
  });
});

it("knows such a line where it is pasted", () => {
  expect(looksLikeRunLine("docker run nginx")).toBe(true);
  expect(looksLikeRunLine("$ sudo podman create -it x")).toBe(true);
  expect(looksLikeRunLine("docker ps")).toBe(false);
  expect(looksLikeRunLine("image: nginx\nargs:\n  docker run x")).toBe(false);
  expect(looksLikeRunLine("sh -c 'docker run x'")).toBe(false);
});

/** `docker run --help` of 28.2 and `podman run --help` of 4.3. */
const known =
  "add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile cpu-count cpu-percent cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems detach detach-keys device device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops disable-content-trust dns dns-option dns-search domainname entrypoint env env-file expose gpus group-add health-cmd health-interval health-retries health-start-interval health-start-period health-timeout help hostname init interactive io-maxbandwidth io-maxiops ip ip6 ipc isolation kernel-memory label label-file link link-local-ip log-driver log-opt mac-address memory memory-reservation memory-swap memory-swappiness mount name network network-alias no-healthcheck oom-kill-disable oom-score-adj pid pids-limit platform privileged publish publish-all pull quiet read-only restart rm runtime security-opt shm-size sig-proxy stop-signal stop-timeout storage-opt sysctl tmpfs tty ulimit use-api-socket user userns uts volume volume-driver volumes-from workdir arch authfile cgroup-conf cgroups chrootdirs conmon-pidfile env-host env-merge gidmap health-on-failure hostuser http-proxy image-volume init-path no-hosts os passwd passwd-entry personality pidfile pod pod-id-file preserve-fds read-only-tmpfs replace requires rmi rootfs sdnotify seccomp-policy secret subgidname subuidname systemd timeout tls-verify tz uidmap umask unsetenv unsetenv-all variant";

it("knows every flag of docker and podman, and where its short ones lead", () => {
  expect(known.split(" ").filter((name) => !flags.has(name))).toEqual([]);
  expect(Object.values(shortFlags).filter((name) => !flags.has(name))).toEqual([]);
});

describe("writeRunLine", () => {
  it("quotes, and continues lines", () => {
    const draft = { ...emptyDraft, name: "web", env: ["A=it's"], args: ["sh", "-c", "a; b"] };
    expect(writeRunLine(draft, "nginx").lines).toBe(
      "docker run -d \\\n  --name web \\\n  -e 'A=it'\\''s' \\\n  nginx sh -c 'a; b'",
    );
    expect(writeRunLine(draft, "nginx", false).line).toMatch(/^docker create --name web /);
  });

  it("says what docker can't be told", () => {
    const target = "/odd:place";
    const mounts = [{ type: "tmpfs" as const, target, readOnly: false, exec: true }];
    const { notes } = writeRunLine({ ...emptyDraft, mounts, runtime: "oci/crun" }, "nginx");
    expect(notes.map(({ flag }) => flag)).toEqual(["oci/crun", target]);
  });

  it("maps no ids of files for docker, which the form and podman are told of", () => {
    const mounts = ["/srv", "/a,b"].map((source) => ({
      ...{ type: "bind" as const, source, target: "/www", readOnly: true, idmap: true },
    }));
    expect(writeRunLine({ ...emptyDraft, mounts }, "nginx").line).not.toContain("idmap");
    expect(flagGroups({ ...emptyDraft, mounts })).toEqual([
      ["-v", "/srv:/www:ro,idmap"],
      ["--mount", 'type=bind,"source=/a,b",target=/www,readonly,idmap'],
    ]);
  });

  it("writes a check without a shell as one with it, and says so", () => {
    const healthCheck = { test: ["CMD", "curl", "-f", "a b"] };
    const { line, notes } = writeRunLine({ ...emptyDraft, healthCheck }, "nginx");
    expect(read(line).draft.healthCheck).toEqual({ test: ["CMD-SHELL", "curl -f 'a b'"] });
    expect(notes).toMatchObject([{ flag: "--health-cmd", lost: false }]);
  });
});

it("reads back whatever writeRunLine wrote", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(draftArbitrary, fc.boolean(), (draft, start) => {
      for (const line of Object.values(writeRunLine(draft, "nginx:1", start)).slice(0, 2)) {
        const parsed = read(line as string);
        expect(parsed.draft).toEqual(draft);
        expect(parsed.notes).toEqual([]);
        expect({ image: parsed.image, start: parsed.start }).toEqual({ image: "nginx:1", start });
      }
    }),
    { numRuns: 200 },
  );
});
