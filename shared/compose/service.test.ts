import { expect, test } from "vitest";
import { readText, noteLines, projectOf, serviceOf } from "./testing.ts";

const draftOf = async (text: string) => (await serviceOf(text)).draft;

test.each([
  ["command: nginx -g 'daemon off;'", { args: ["nginx", "-g", "daemon off;"] }],
  ["command: [a, 1, true]", { args: ["a", "1", "true"] }],
  ["entrypoint: /run.sh --fast", { entrypoint: ["/run.sh", "--fast"] }],
  ["entrypoint: []\ncommand: [sh]", { entrypoint: [], args: ["sh"] }],
  ["environment:\n  A: b\n  N: 01\n  T: true\n  E:", { env: ["A=b", "N=01", "T=true"] }],
  ["environment: [A=b=c, 'B=']", { env: ["A=b=c", "B="] }],
  [
    "cap_add: [net_admin]\ncap_drop: [ALL]",
    { security: { capAdd: ["CAP_NET_ADMIN"], capDrop: ["ALL"] } },
  ],
  [
    "privileged: true\ngroup_add: [audio, 44]",
    { security: { privileged: true }, groupAdd: ["audio", "44"] },
  ],
  ["userns_mode: host", {}],
  [
    "pid: host\nipc: container:db\nuts: host\ncgroup: private",
    { namespaces: { pid: "host", ipc: { container: "db" }, uts: "host", cgroup: "private" } },
  ],
  [
    "blkio_config:\n  weight_device: [{path: /dev/sda, weight: 20}]\n  device_read_bps: [{path: /dev/sda, rate: 1mb}]\n  device_write_iops: [{path: /dev/sda, rate: 9}]",
    {
      moreLimits: {
        blkioWeightDevice: [{ device: "/dev/sda", weight: 20 }],
        deviceReadBps: [{ device: "/dev/sda", rate: 1_048_576 }],
        deviceWriteIops: [{ device: "/dev/sda", rate: 9 }],
      },
    },
  ],
  ["read_only: yes", { security: { readOnlyRoot: true } }],
  [
    "security_opt: [no-new-privileges:true, seccomp=unconfined]",
    { security: { noNewPrivileges: true, seccomp: "unconfined" } },
  ],
  [
    "dns: 1.1.1.1\ndns_search: [a.b]\ndns_opt: ['ndots:2']",
    { dns: { servers: ["1.1.1.1"], search: ["a.b"], options: ["ndots:2"] } },
  ],
  [
    "extra_hosts: ['db:10.0.0.2', 'gate=host-gateway']",
    {
      extraHosts: [
        { host: "db", ip: "10.0.0.2" },
        { host: "gate", ip: "host-gateway" },
      ],
    },
  ],
  [
    "extra_hosts:\n  db: 10.0.0.2\n  six: '::1'",
    {
      extraHosts: [
        { host: "db", ip: "10.0.0.2" },
        { host: "six", ip: "::1" },
      ],
    },
  ],
  [
    "hostname: h\nuser: 1000:1000\nworking_dir: /srv",
    { hostname: "h", user: "1000:1000", cwd: "/srv" },
  ],
  ["init: true\ntty: true", { init: true, terminal: true }],
  ["stdin_open: on", { stdin: true, terminal: false }],
  [
    "shm_size: 128m\nsysctls: {net.core.somaxconn: 1024}",
    { shmSize: 134_217_728, sysctls: { "net.core.somaxconn": "1024" } },
  ],
  ["sysctls: [net.core.somaxconn=1024]", { sysctls: { "net.core.somaxconn": "1024" } }],
  [
    "ulimits:\n  nproc: 65535\n  nofile: {soft: 20000, hard: 40000}",
    {
      ulimits: [
        { name: "nproc", soft: 65_535, hard: 65_535 },
        { name: "nofile", soft: 20_000, hard: 40_000 },
      ],
    },
  ],
  ["devices: ['/dev/fuse:/dev/fuse:rw']", { devices: [{ source: "/dev/fuse", access: "rw" }] }],
  [
    "devices:\n  - source: /dev/fuse\n    target: /dev/x\n    permissions: r",
    { devices: [{ source: "/dev/fuse", target: "/dev/x", access: "r" }] },
  ],
  [
    "tmpfs: /run:size=64m,mode=1770",
    {
      mounts: [{ type: "tmpfs", target: "/run", readOnly: false, size: 67_108_864, mode: "1770" }],
    },
  ],
  [
    "mem_limit: 512m\nmemswap_limit: 1g\ncpus: 0.5\npids_limit: 100",
    {
      limits: { memory: 536_870_912, cpus: 0.5, pids: 100 },
      moreLimits: { memorySwap: 1_073_741_824 },
    },
  ],
  [
    "deploy:\n  resources:\n    limits: {cpus: '0.25', memory: 64M, pids: 9}\n    reservations: {memory: 32M}",
    {
      limits: { cpus: 0.25, memory: 67_108_864, pids: 9 },
      moreLimits: { memoryReservation: 33_554_432 },
    },
  ],
  ["domainname: a.b", { sysctls: { "kernel.domainname": "a.b" } }],
  ["cpu_quota: 50000", { limits: { cpus: 0.5 } }],
  ["restart: on-failure:3", { restart: { name: "on-failure", maximumRetries: 3 } }],
  ["restart: 'no'", { restart: { name: "no" } }],
  [
    "restart: unless-stopped\ndeploy: {restart_policy: {condition: none}}",
    { restart: { name: "unless-stopped" } },
  ],
  [
    "deploy: {restart_policy: {condition: on-failure, max_attempts: 2}}",
    { restart: { name: "on-failure", maximumRetries: 2 } },
  ],
  ["labels: {a: b, n: 1}", { labels: { a: "b", n: "1" } }],
  ["labels: [a=b, c]", { labels: { a: "b", c: "" } }],
  [
    "stop_signal: SIGQUIT\nstop_grace_period: 1m30s",
    { stopSignal: "SIGQUIT", stopGraceSeconds: 90 },
  ],
  [
    "healthcheck: {test: curl -f http://x, interval: 90s, timeout: 500ms, retries: 5, start_period: 2m}",
    {
      healthCheck: {
        test: ["CMD-SHELL", "curl -f http://x"],
        intervalSeconds: 90,
        timeoutSeconds: 0.5,
        retries: 5,
        startPeriodSeconds: 120,
      },
    },
  ],
  ["healthcheck: {test: [CMD, 'true']}", { healthCheck: { test: ["CMD", "true"] } }],
  ["healthcheck: {disable: true}", { healthCheck: { test: ["NONE"] } }],
  ["network_mode: host", { networks: "host" }],
  ["network_mode: none", { networks: "none" }],
  ["network_mode: container:db", { networks: { container: "db" } }],
  ["network_mode: bridge", { networks: [{ name: "bridge" }] }],
  [
    "mac_address: 02:42:ac:11:00:03",
    { networks: [{ name: "shop_default", aliases: ["web"], mac: "02:42:ac:11:00:03" }] },
  ],
])("%s", async (text, expected) => {
  expect(await draftOf(text)).toMatchObject(expected);
});

test.each([
  ["- '8080:80'", [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }]],
  ["- 8080:80", [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }]],
  // 1.1 would read it as a number to the base of 60.
  ["- 22:22", [{ hostPort: 22, containerPort: 22, protocol: "tcp" }]],
  ["- 80", [{ containerPort: 80, protocol: "tcp" }]],
  [
    "- 127.0.0.1:53:53/udp",
    [{ hostIp: "127.0.0.1", hostPort: 53, containerPort: 53, protocol: "udp" }],
  ],
  ["- '127.0.0.1::80'", [{ hostIp: "127.0.0.1", containerPort: 80, protocol: "tcp" }]],
  [
    "- '3000-3001:4000-4001'",
    [
      { hostPort: 3000, containerPort: 4000, protocol: "tcp" },
      { hostPort: 3001, containerPort: 4001, protocol: "tcp" },
    ],
  ],
  [
    "- {target: 80, published: '8080', host_ip: '::1', protocol: tcp, mode: host}",
    [{ hostIp: "::1", hostPort: 8080, containerPort: 80, protocol: "tcp" }],
  ],
  ["- {target: 80}", [{ containerPort: 80, protocol: "tcp" }]],
  [
    "- {target: 80, host_ip: 127.0.0.1}",
    [{ hostIp: "127.0.0.1", containerPort: 80, protocol: "tcp" }],
  ],
])("ports %s", async (text, ports) => {
  expect(await draftOf(`ports:\n  ${text}`)).toMatchObject({ ports });
});

test.each([
  ["./data:/data:ro", { type: "bind", source: "/work/shop/data", target: "/data", readOnly: true }],
  ["../up:/data", { type: "bind", source: "/work/up", target: "/data", readOnly: false }],
  ["~/x:/x", { type: "bind", source: "/home/me/x", target: "/x", readOnly: false }],
  [".:/app:cached", { type: "bind", source: "/work/shop", target: "/app", readOnly: false }],
  [
    "/var/run/docker.sock:/var/run/docker.sock:rshared,ro",
    {
      type: "bind",
      source: "/var/run/docker.sock",
      target: "/var/run/docker.sock",
      readOnly: true,
      propagation: "rshared",
    },
  ],
  [
    "data:/data:nocopy",
    { type: "volume", source: "shop_data", target: "/data", readOnly: false, noCopy: true },
  ],
  ["/data", { type: "volume", target: "/data", readOnly: false }],
  [
    "{type: volume, source: data, target: /d, read_only: true, volume: {nocopy: true}}",
    { type: "volume", source: "shop_data", target: "/d", readOnly: true, noCopy: true },
  ],
  [
    "{type: bind, source: ./a, target: /a, bind: {propagation: rslave, create_host_path: false}}",
    { type: "bind", source: "/work/shop/a", target: "/a", readOnly: false, propagation: "rslave" },
  ],
  [
    "{type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0700}}",
    { type: "tmpfs", target: "/t", readOnly: false, size: 1_048_576, mode: "700" },
  ],
])("volume %s", async (text, mount) => {
  const project = await projectOf(
    `services: {web: {image: i, volumes: [${text.startsWith("{") ? text : JSON.stringify(text)}]}}\nvolumes: {data: }`,
    { environment: { HOME: "/home/me" } },
  );
  expect(project.services[0]?.draft.mounts).toEqual([mount]);
});

test("directories of short binds are made, of long ones unless told not to", async () => {
  const { hostDirectories } = await serviceOf(
    "volumes:\n  - ./a:/a\n  - {type: bind, source: /b, target: /b, bind: {create_host_path: false}}\n  - {type: bind, source: /c, target: /c}",
  );
  expect(hostDirectories).toEqual(["/work/shop/a", "/c"]);
});

test("configs and secrets are files of this machine, or texts", async () => {
  const { services } = await projectOf(
    `
services:
  web:
    image: i
    configs: [plain, {source: written, target: /etc/w, mode: 0440}]
    secrets: [key, {source: token, target: t}]
configs:
  plain: {file: ./plain.conf}
  written: {content: "port = \${PORT}\\n"}
secrets:
  key: {file: /keys/k}
  token: {environment: TOKEN}
`,
    { environment: { PORT: "80", TOKEN: "s3" } },
  );
  expect(services[0]?.draft.mounts).toEqual([
    { type: "bind", source: "/work/shop/plain.conf", target: "/plain", readOnly: true },
    { type: "bind", source: "/keys/k", target: "/run/secrets/key", readOnly: true },
  ]);
  expect(services[0]?.files).toEqual([
    { target: "/etc/w", content: "port = 80\n", mode: 0o440 },
    { target: "/run/secrets/t", content: "s3", mode: 0o444 },
  ]);
});

test("env_file, in its order, and environment over it", async () => {
  const disk = {
    "/work/shop/a.env": "A=1\nB=2 # why\nexport C='$A'\nD=\"x\\ny\"\nE=${A}3\n",
    "/work/shop/b.env": "B=9\n",
    "/work/shop/raw.env": "R='$A'\n",
  };
  const { draft } = await serviceOf(
    "env_file:\n  - a.env\n  - {path: b.env, required: true}\n  - {path: none.env, required: false}\n  - {path: raw.env, format: raw}\nenvironment: {A: 7}",
    { disk },
  );
  expect(draft.env).toEqual(["A=7", "B=9", "C=$A", "D=x\ny", "E=13", "R='$A'"]);
  const read = await readText("services: {web: {image: i, env_file: none.env}}", { disk });
  expect(noteLines(read)).toEqual([
    "error 1 services.web.env_file: There is no file /work/shop/none.env",
  ]);
});

test("networks: aliases, addresses, and the heaviest one is the way out", async () => {
  const { services, networks } = await projectOf(`
services:
  web:
    image: i
    networks:
      back: {aliases: [api, web], ipv4_address: 10.9.0.5}
      front: {gw_priority: 10}
      out:
networks:
  front: {}
  back: {internal: true, ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.1}, {subnet: 'fd00:9::/64'}]}}
  out: {external: true, name: bridge}
  spare: {}
`);
  expect(services[0]?.draft.networks).toEqual([
    { name: "shop_front", aliases: ["web"] },
    { name: "shop_back", aliases: ["web", "api"], ip4: "10.9.0.5" },
    { name: "bridge", aliases: ["web"] },
  ]);
  expect(networks.map(({ key, external, config }) => [key, external, config])).toEqual([
    ["front", false, { name: "shop_front" }],
    [
      ...["back", false],
      {
        ...{ name: "shop_back", internal: true, subnet: "10.9.0.0/24", gateway: "10.9.0.1" },
        ...{ ipv6: true, subnet6: "fd00:9::/64" },
      },
    ],
    ["out", true, { name: "bridge" }],
  ]);
});

test("builds, and depends_on in both forms", async () => {
  const { services } = await projectOf(
    `
services:
  api:
    build: {context: ./api, dockerfile: Dockerfile.prod, target: run, args: [A=1, FROM_ENV]}
    depends_on:
      db: {condition: service_healthy, restart: true}
      once: {condition: service_completed_successfully, required: false}
  web: {build: ., depends_on: [api]}
  db: {image: d}
  once: {image: o}
`,
    { environment: { FROM_ENV: "x" } },
  );
  expect(services[0]?.build).toMatchObject({
    ...{ context: "/work/shop/api", dockerfile: "Dockerfile.prod", target: "run" },
    args: { A: "1", FROM_ENV: "x" },
  });
  expect(services[1]?.build).toMatchObject({ context: "/work/shop" });
  expect(services[0]?.dependsOn).toEqual([
    { service: "db", condition: "service_healthy", required: true, restart: true },
    {
      service: "once",
      condition: "service_completed_successfully",
      required: false,
      restart: false,
    },
  ]);
  expect(services[1]?.dependsOn).toMatchObject([{ service: "api", condition: "service_started" }]);
});

test.each([
  ["gpus: some", "error 4 services.web.gpus: Write all, a number, or device= and their numbers"],
  [
    "gpus: [{driver: amd}]",
    "lost 4 services.web.gpus[0]: There is no driver of devices “amd” here: write cdi, and their names",
  ],
  [
    "gpus: [{count: 1, device_ids: ['0']}]",
    "error 4 services.web.gpus[0]: Write count or device_ids, not both",
  ],
  [
    "deploy: {resources: {reservations: {devices: [{capabilities: [tpu]}]}}}",
    "lost 4 services.web.deploy.resources.reservations.devices[0]: Devices for “tpu” are not known here",
  ],
  [
    "deploy: {resources: {reservations: {devices: [{driver: cdi, device_ids: [gpu0]}]}}}",
    "error 4 services.web.deploy.resources.reservations.devices[0]: “gpu0” is no device's name: write vendor.com/class=name",
  ],
  ["pid: service:db", "error 4 services.web.pid: The service “db” is not in the file"],
  [
    "ipc: service:db\n  db: {image: d, profiles: [more]}",
    "error 4 services.web.ipc: The service “db” is in no profile that is chosen",
  ],
  [
    "network_mode: service:web",
    "error 2 services.web.depends_on: Each of these waits for the next: web → web",
  ],
  ["network_mode: mine", "lost 4 services.web.network_mode: There is no network mode “mine” here"],
  [
    "network_mode: container:db\n    ports: ['80']",
    "lost 5 services.web.ports: Publish them where the network is that it has",
  ],
  [
    "logging: {driver: json-file}",
    "vain 4 services.web.logging: What it writes is always kept and shown",
  ],
  [
    "expose: [80]",
    "vain 4 services.web.expose: Containers of one network reach every port of each other",
  ],
  ["user_name: x", "lost 4 services.web.user_name: A service has no “user_name” here"],
  [
    "ports: ['80:99999']",
    "error 4 services.web.ports[0]: “80:99999”: a port is between 1 and 65535",
  ],
  [
    "volumes: ['data:/d']",
    "error 4 services.web.volumes[0]: The file declares no volume “data”: add it under volumes:",
  ],
  [
    "networks: [back]",
    "error 4 services.web.networks[0]: The file declares no network “back”: add it under networks:",
  ],
  ["secrets: [s]", "error 4 services.web.secrets[0]: The file has no “s” under secrets:"],
  ["cpus: many", "lost 4 services.web.cpus: Invalid input: expected number, received NaN"],
  ["tty: maybe", "error 4 services.web.tty: “maybe” is neither true nor false"],
  [
    "healthcheck:\n      interval: soon",
    "error 5 services.web.healthcheck.interval: “soon” is no duration: write 30s or 1m30s",
  ],
  [
    "healthcheck: {test: [SHELL, x]}",
    'error 4 services.web.healthcheck: Write ["NONE"], ["CMD", program, ...] or ["CMD-SHELL", text]',
  ],
  ["command: [a: b]", "error 4 services.web.command[0]: Write a text here"],
  [
    "environment: {A: yes}",
    "vain 4 services.web.environment.A: It is the text “yes”: quote it, so that everyone reads it so",
  ],
  [
    "environment:\n      A: 1.10",
    "vain 5 services.web.environment.A: It is the text “1.10”: quote it, so that everyone reads it so",
  ],
  [
    "environment: [NOWHERE]",
    "lost 4 services.web.environment[0]: NOWHERE has no value here: it is left out",
  ],
  [
    "volumes: [/data]",
    "vain 4 services.web.volumes[0]: Without a name it goes with its container: name it to keep it",
  ],
  [
    "depends_on: [web]",
    "error 2 services.web.depends_on: Each of these waits for the next: web → web",
  ],
  ["depends_on: [db]", "error 2 services.web.depends_on: There is no service “db” to depend on"],
  [
    "stop_signal: what ever",
    "error 4 services.web.stop_signal: Write a signal as SIGQUIT, or its number",
  ],
  [
    "user: 5\n    deploy: {placement: {}}",
    "vain 5 services.web.deploy.placement: There is one machine here",
  ],
  [
    "links: ['db:data']\n    depends_on: []\n  db: {image: d}",
    "lost 4 services.web.links[0]: It finds “db” by that name only: give it the alias in a network",
  ],
])("%s is named with its line", async (text, line) => {
  const read = await readText(`services:\n  web:\n    image: i\n    ${text}\n`);
  expect(noteLines(read)).toEqual([line]);
  expect(read.project === undefined).toBe(line.startsWith("error"));
});
