import fc from "fast-check";
import { expect, test } from "vitest";
import { withDependencies } from "./order.ts";
import { noteLines, projectOf, readText } from "./testing.ts";

test.each([
  ["name: own\n", {}, "own"],
  ["name: ${N:-fallback}\n", {}, "fallback"],
  ["name: own\n", { name: "given" }, "given"],
  ["name: own\n", { env: "COMPOSE_PROJECT_NAME=env" }, "env"],
  ["", { directory: "/work/My Shop.v2" }, "myshopv2"],
])("a project's name: %j %j", async (text, given, name) => {
  const project = await projectOf(`${text}services: {web: {image: i}}`, given);
  expect(project.name).toBe(name);
  expect(project.networks[0]?.config.name).toBe(`${name}_default`);
});

test("variables come from around it before .env, and its name is one", async () => {
  const { services } = await projectOf(
    'services: {web: {image: "${REPO}/${COMPOSE_PROJECT_NAME}:${TAG}"}}',
    { name: "shop", env: "TAG=1\nREPO=r", environment: { TAG: "2" } },
  );
  expect(services[0]?.image).toBe("r/shop:2");
  const own = await projectOf('name: mine\nservices: {web: {image: "$COMPOSE_PROJECT_NAME"}}');
  expect(own.services[0]?.image).toBe("mine");
});

test("anchors, aliases, merge keys and x- keys", async () => {
  const { services } = await projectOf(`
x-log: &log { logging: { driver: none } }
x-base: &base
  image: base
  environment: &env { A: 1, B: 2 }
services:
  one:
    <<: *base
    image: one
    environment: { <<: *env, B: 3 }
  two:
    <<: [ { user: first }, { user: second, working_dir: /w }, *base ]
`);
  expect(services.map(({ image, draft }) => [image, draft.env, draft.user, draft.cwd])).toEqual([
    ["one", ["A=1", "B=3"], undefined, undefined],
    ["base", ["A=1", "B=2"], "first", "/w"],
  ]);
});

test("a file overrides another by compose's rules", async () => {
  const base = `
services:
  web:
    image: web
    command: [a, b]
    environment: [A=1, B=2]
    ports: ["80:80"]
    volumes: ["./one:/data", "/two:/two"]
    labels: { keep: me }
    depends_on: [db]
    build: ./web
    dns: [1.1.1.1]
    cap_add: [SYS_TIME]
    user: root
  db: { image: db }
networks: { default: { internal: true } }
`;
  const over = `
services:
  web:
    command: c
    environment: { B: 3, C: 4 }
    ports: ["81:81", "80:80"]
    volumes: ["./other:/data:ro"]
    labels: [more=too]
    depends_on: { db: { condition: service_healthy } }
    build: { target: dev }
    dns: !override [9.9.9.9]
    cap_add: !reset []
    user:
  new.one: { image: new, environment: [A=1] }
`;
  const more = "services: {new.one: {environment: {B: 2}}}";
  const { services, networks } = await projectOf(base, { over: [over, more] });
  const [web, db, added] = services;
  expect(web).toMatchObject({
    build: { context: "/work/shop/web", target: "dev" },
    dependsOn: [{ service: "db", condition: "service_healthy" }],
    draft: {
      ...{ args: ["c"], env: ["A=1", "B=3", "C=4"], labels: { keep: "me", more: "too" } },
      ...{ ports: [{ containerPort: 80 }, { containerPort: 81 }], user: "root" },
      dns: { servers: ["9.9.9.9"] },
      mounts: [
        { type: "bind", source: "/work/shop/other", target: "/data", readOnly: true },
        { type: "bind", source: "/two" },
      ],
    },
  });
  expect(web?.draft.security).toBeUndefined();
  expect(db?.image).toBe("db");
  expect(added?.draft.env).toEqual(["A=1", "B=2"]);
  expect(networks[0]?.config.internal).toBe(true);
});

test("extends takes a service of this file or of another, whose paths are that one's", async () => {
  const disk = {
    "/work/lib/base.yaml": `
services:
  base: { image: base, volumes: ["./x:/x"], env_file: base.env }
  more: { extends: base, environment: { A: 2 }, labels: [a=b] }
`,
    "/work/lib/base.env": "A=1\nB=1\n",
  };
  const { services } = await projectOf(
    `
services:
  web:
    extends: { file: ../lib/base.yaml, service: more }
    image: web
  sub: { extends: { service: web }, labels: { c: d } }
`,
    { disk },
  );
  expect(
    services.map(({ image, draft }) => [image, draft.env, draft.labels, draft.mounts]),
  ).toEqual([
    ["web", ["A=2", "B=1"], { a: "b" }, [expect.objectContaining({ source: "/work/lib/x" })]],
    [
      "web",
      ["A=2", "B=1"],
      { a: "b", c: "d" },
      [expect.objectContaining({ source: "/work/lib/x" })],
    ],
  ]);
});

test("include brings another project's services, with its own directory and variables", async () => {
  const disk = {
    "/work/lib/compose.yaml":
      'services: {db: {image: "db:${TAG}", volumes: ["./d:/d"]}}\nvolumes: {kept: {}}',
    "/work/lib/.env": "TAG=7\nSHARED=lib",
  };
  const { services, volumes } = await projectOf(
    "include: [../lib/compose.yaml]\nservices: {web: {image: w, depends_on: [db]}}",
    { disk },
  );
  expect(services.map(({ name, image }) => [name, image])).toEqual([
    ["db", "db:7"],
    ["web", "w"],
  ]);
  expect(services[0]?.draft.mounts).toMatchObject([{ source: "/work/lib/d" }]);
  expect(volumes.map(({ name }) => name)).toEqual(["shop_kept"]);
});

test("profiles choose services", async () => {
  const text = `
services:
  web: { image: w }
  debug: { image: d, profiles: [debug, all] }
  test: { image: t, profiles: [test] }
`;
  const names = async (given: object): Promise<string[]> =>
    (await projectOf(text, given)).services.map(({ name }) => name);
  expect(await names({})).toEqual(["web"]);
  expect(await names({ profiles: ["debug"] })).toEqual(["web", "debug"]);
  expect(await names({ profiles: ["*"] })).toEqual(["web", "debug", "test"]);
  expect(await names({ env: "COMPOSE_PROFILES=test,all" })).toEqual(["web", "debug", "test"]);
  expect((await projectOf(text)).idle).toEqual([
    { name: "debug", profiles: ["debug", "all"] },
    { name: "test", profiles: ["test"] },
  ]);
});

test("external volumes and networks keep their names, others get the project's", async () => {
  const { volumes } = await projectOf(`
services: { web: { image: w } }
volumes:
  plain:
  labelled: { labels: [a=b] }
  named: { name: just-this }
  outer: { external: true }
  older: { external: { name: of-old } }
`);
  expect(volumes.map(({ name, external, labels }) => [name, external, labels])).toEqual([
    ["shop_plain", false, {}],
    ["shop_labelled", false, { a: "b" }],
    ["just-this", false, {}],
    ["outer", true, {}],
    ["of-old", true, {}],
  ]);
});

const web = "services: {web: {image: i}}";
test.each([
  ["", {}, "error 1 : The file is empty"],
  ["- a", {}, "error 1 : A compose file begins with keys, as services:"],
  ["services: {web: {image: i}", {}, /^error 1 : Flow map/],
  ["services:\n  web: {image: i}\n  web: {image: j}", {}, "error 3 : Map keys must be unique"],
  ["services: {}", {}, "error 1 services: It has no services"],
  [
    "services: {web: {}}",
    {},
    "error 1 services.web: It has neither an image nor something to build",
  ],
  [`version: "3"\n${web}`, {}, "vain 1 version: It says nothing any more"],
  [`extra: 1\n${web}`, {}, "lost 1 extra: A project has no “extra”"],
  [`name: Shop!\n${web}`, {}, /^error 1 name: “Shop!” can't be a project's name/],
  [
    "services: {web: {image: '${TAG}'}}",
    {},
    "lost 1 services.web.image: The variable TAG is not set: it stands for nothing",
  ],
  ["services: {web: {image: '${TAG:?say which}'}}", {}, "error 1 services.web.image: say which"],
  [
    "services:\n  a: {image: i, depends_on: [b]}\n  b: {image: i, depends_on: [c]}\n  c: {image: i, depends_on: [b]}",
    {},
    "error 3 services.b.depends_on: Each of these waits for the next: b → c → b",
  ],
  ["services: {a: {extends: b}, b: {extends: a}}", {}, /extends itself$/],
  [
    "services: {a: {extends: none, image: i}}",
    {},
    "error 1 services.a.extends: There is no service “none” in compose.yaml",
  ],
  [
    "include: [other.yaml]\nservices: {a: {image: i}}",
    {},
    "error 1 include[0]: There is no file /work/shop/other.yaml",
  ],
  [
    "include: [other.yaml]\nservices: {a: {image: i}}",
    { disk: { "/work/shop/other.yaml": "services: {a: {image: j}}" } },
    "error 2 services.a: /work/shop/other.yaml has one of that name already",
  ],
  [
    "include: [other.yaml]",
    { disk: { "/work/shop/other.yaml": "include: [other.yaml]" } },
    "error 1 include[0]: /work/shop/other.yaml includes itself",
  ],
  [
    "services: {a: {image: i, volumes: ['./d:/d']}}",
    { directory: undefined, name: "x" },
    "error 1 services.a.volumes[0]: “./d” begins in the project's directory, and none was chosen: choose it, or write the path from / on",
  ],
  [
    "services: {a: {image: i, depends_on: [b]}, b: {image: i, profiles: [p]}}",
    {},
    "error 1 services.a.depends_on: “b” is in the profile p, which is not chosen",
  ],
  ["services: &a {web: *a}", {}, /^error 1 : It is nested too deep/],
  [
    `${web}\nvolumes: {v: {driver: nfs}}`,
    {},
    "lost 2 volumes.v.driver: There is no volume driver “nfs” here",
  ],
  [
    `${web}\nnetworks: {n: {driver: overlay}}`,
    {},
    "lost 2 networks.n.driver: Networks are bridges here, not “overlay”",
  ],
])("what is wrong is named: %j", async (text, given, expected) => {
  const lines = noteLines(await readText(text, given));
  expect(lines[0]).toEqual(
    typeof expected === "string" ? expected : expect.stringMatching(expected),
  );
});

test("an alias is the last anchor of its name before it", async () => {
  const { services } = await projectOf(
    "x-a: &a one\nservices:\n  s: {image: *a }\n  t: {image: &a two}\n  u: {image: *a }",
  );
  expect(services.map(({ image }) => image)).toEqual(["one", "two", "two"]);
});

test("a service mounts one thing at a place, the last that is written", async () => {
  const { services } = await projectOf(
    "services: {web: {image: i, volumes: ['/a:/x', '/b:/y', '/c:/x']}}",
  );
  expect(services[0]?.draft.mounts?.map(({ target }) => target)).toEqual(["/y", "/x"]);
});

// Each of these took minutes once, and nothing else went on meanwhile.
test("a service brings along what it waits for", async () => {
  const { services } = await projectOf(`
services:
  a: { image: i, depends_on: [b] }
  b: { image: i, depends_on: [c] }
  c: { image: i }
  d: { image: i }
`);
  expect(withDependencies(services, ["a"]).map(({ name }) => name)).toEqual(["a", "b", "c"]);
  expect(withDependencies(services, ["d", "c"]).map(({ name }) => name)).toEqual(["c", "d"]);
});

/** As people write them: a web shop, a monitoring stack, a development set-up. */
const realistic = [
  `
name: shop
x-common: &common
  restart: unless-stopped
  logging: { driver: json-file, options: { max-size: 10m } }
services:
  proxy:
    <<: *common
    image: traefik:v3.1
    command: ["--providers.docker=true", "--entrypoints.web.address=:80"]
    ports: ["80:80", "443:443/tcp", "127.0.0.1:8080:8080"]
    volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro", "letsencrypt:/letsencrypt"]
    networks: [front]
  api:
    <<: *common
    build: { context: ., dockerfile: docker/api.Dockerfile, args: { NODE_ENV: production } }
    environment:
      DATABASE_URL: postgres://app:\${DB_PASSWORD:-secret}@db:5432/app
      REDIS_URL: redis://cache:6379
    depends_on:
      db: { condition: service_healthy }
      migrate: { condition: service_completed_successfully }
    labels: ["traefik.enable=true", "traefik.http.routers.api.rule=Host(\`api.localhost\`)"]
    networks: { front: { aliases: [backend] }, back: {} }
    deploy: { replicas: 2, resources: { limits: { cpus: "0.50", memory: 256M } } }
  migrate:
    build: .
    command: npm run migrate
    depends_on: { db: { condition: service_healthy } }
    networks: [back]
  db:
    image: postgres:16-alpine
    environment: [POSTGRES_USER=app, "POSTGRES_PASSWORD=\${DB_PASSWORD:-secret}"]
    volumes: ["db:/var/lib/postgresql/data"]
    shm_size: 256mb
    healthcheck:
      test: ["CMD-SHELL", "pg_isready -U $$POSTGRES_USER"]
      interval: 5s
      retries: 5
    networks: [back]
  cache: { image: redis:7, command: redis-server --save 60 1, networks: [back], tmpfs: [/data] }
networks: { front: , back: { internal: true } }
volumes: { db: , letsencrypt: {} }
`,
  `
version: "3.8"
services:
  prometheus:
    image: prom/prometheus
    user: "65534:65534"
    volumes:
      - type: bind
        source: ./prometheus.yml
        target: /etc/prometheus/prometheus.yml
        read_only: true
      - prom:/prometheus
    command:
      - --config.file=/etc/prometheus/prometheus.yml
      - --storage.tsdb.retention.time=15d
    expose: [9090]
  node-exporter:
    image: prom/node-exporter
    pid: host
    network_mode: host
    cap_drop: [ALL]
    volumes: ["/:/host:ro,rslave"]
  grafana:
    image: grafana/grafana
    environment: [GF_SECURITY_ADMIN_PASSWORD__FILE=/run/secrets/admin]
    secrets: [admin]
    ports: ["\${GRAFANA_PORT:-3000}:3000"]
    ulimits: { nofile: { soft: 65536, hard: 65536 } }
secrets: { admin: { file: ./admin.txt } }
volumes: { prom: {} }
`,
];

test("files as people write them", async () => {
  const [shop, watch] = await Promise.all(realistic.map((text) => readText(text)));
  expect(shop && noteLines(shop)).toEqual([
    "vain 5 services.proxy.logging: What it writes is always kept and shown",
    "vain 5 services.api.logging: What it writes is always kept and shown",
  ]);
  expect(shop?.project?.services.find(({ name }) => name === "api")).toMatchObject({
    replicas: 2,
    draft: {
      env: ["DATABASE_URL=postgres://app:secret@db:5432/app", "REDIS_URL=redis://cache:6379"],
      limits: { cpus: 0.5, memory: 268_435_456 },
      restart: { name: "unless-stopped" },
    },
  });
  expect(shop?.project?.services.at(3)?.draft.healthCheck).toEqual({
    ...{ test: ["CMD-SHELL", "pg_isready -U $POSTGRES_USER"], intervalSeconds: 5, retries: 5 },
  });
  expect(watch && noteLines(watch)).toEqual([
    "vain 2 version: It says nothing any more",
    "vain 16 services.prometheus.expose: Containers of one network reach every port of each other",
  ]);
});

/** A cut or a piece put in, anywhere in a text. */
const change = fc.record({
  at: fc.nat(2000),
  length: fc.nat(12),
  piece: fc.constantFrom(
    ...[
      "\n",
      "  ",
      "- ",
      ": ",
      "{",
      "}",
      "[",
      "]",
      "$",
      "${",
      "&a ",
      "*a",
      "<<: ",
      "'",
      "0",
      "null",
    ],
    ...["!reset ", "services:", "", "\u0000", "é"],
  ),
});

test("whatever is done to a file, it is read or refused with lines, and never throws", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...realistic),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      async (before, changes) => {
        let text = before;
        for (const { at, length, piece } of changes) {
          const from = at % text.length;
          text = text.slice(0, from) + piece + text.slice(from + length);
        }
        const read = await readText(text);
        const lines = text.split("\n").length;
        expect(read.project === undefined).toBe(read.notes.some(({ level }) => level === "error"));
        for (const { line, message } of read.notes) {
          expect(line).toBeGreaterThan(0);
          expect(line).toBeLessThanOrEqual(lines);
          expect(message).not.toBe("");
        }
      },
    ),
  );
});
