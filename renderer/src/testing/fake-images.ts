import type { Container } from "#shared/contract/containers";
import type { HistoryEntry, Image, Transfer } from "#shared/contract/images";
import { fakeContainer, fakeId } from "./fake-data.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const MiB = 1024 * 1024;

/** An image with everything that a test does not care about filled in. */
export function fakeImage(id: string, names: string[], rest: Partial<Image> = {}): Image {
  return {
    id,
    names,
    digest: `sha256:${fakeId(Number.parseInt(id.slice(0, 4), 16))}`,
    createdAt: Date.now() - 9 * day,
    addedAt: Date.now() - 2 * day,
    platform: "linux/amd64",
    size: 120 * MiB,
    own: 34 * MiB,
    files: 4200,
    layers: 4,
    source: "pull",
    origin: `docker.io/library/${names[0] ?? "unknown"}`,
    usedBy: [],
    ...rest,
    config: {
      entrypoint: [],
      cmd: ["serve", "--port", "8080"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"],
      cwd: "/app",
      user: "app",
      ports: ["8080/tcp"],
      volumes: [],
      labels: { "org.opencontainers.image.source": "https://example.com/source" },
      ...rest.config,
    },
  };
}

/** What some well-known images say of themselves. */
const known: Record<string, Partial<Image["config"]>> = {
  "postgres:17": {
    entrypoint: ["docker-entrypoint.sh"],
    cmd: ["postgres"],
    env: ["PATH=/usr/lib/postgresql/17/bin:/usr/sbin:/usr/bin", "PGDATA=/var/lib/postgresql/data"],
    cwd: "/",
    user: "",
    ports: ["5432/tcp"],
    volumes: ["/var/lib/postgresql/data"],
    stopSignal: "SIGINT",
  },
  "caddy:3": {
    cmd: ["caddy", "run", "--config", "/etc/caddy/Caddyfile"],
    cwd: "/srv",
    user: "",
    ports: ["2019/tcp", "443/tcp", "443/udp", "80/tcp"],
    volumes: ["/config", "/data"],
  },
};

const sources: Image["source"][] = ["pull", "pull", "build", "pull", "archive", "tar", "commit"];

/** Those that the containers are made from, and some that nothing uses. */
export function fakeImages(containers: Iterable<Container>): Image[] {
  const images = new Map<string, Image>();
  for (const { id, image } of containers) {
    const there = images.get(image.id);
    if (there) {
      there.usedBy.push(id);
      continue;
    }
    const n = images.size + 1;
    const starter = image.name === "busybox:host";
    images.set(
      image.id,
      starter
        ? starterImage(image.id, [id])
        : fakeImage(image.id, [image.name, ...(n === 2 ? ["gateway:stable"] : [])], {
            createdAt: Date.now() - n * 3 * day,
            addedAt: Date.now() - n * 9 * hour,
            size: (31 + ((n * 53) % 400)) * MiB,
            own: (4 + ((n * 31) % 28)) * MiB,
            files: 4200 * n,
            layers: 2 + (n % 7),
            source: sources[n % sources.length] ?? "pull",
            usedBy: [id],
            config: known[image.name] as Image["config"],
          }),
    );
  }
  if (images.size === 0) return [];
  const extra = [
    fakeImage(fakeId(7001), ["debian:13-slim", "debian:trixie-slim"], { own: 0, layers: 1 }),
    fakeImage(fakeId(7002), [], { source: "build", own: 210 * MiB, size: 330 * MiB }),
    fakeImage(
      fakeId(7003),
      ["ghcr.io/atelier/very-long-project-name/service-frontend:2026.11.24"],
      {
        platform: "linux/arm64/v8",
        size: 812 * MiB,
        own: 640 * MiB,
      },
    ),
  ];
  return [...images.values(), ...extra];
}

/** `count` images, as a machine of years has. */
export function manyImages(containers: Iterable<Container>, count: number): Image[] {
  const images = fakeImages(containers);
  const names = ["api", "worker", "web", "ghcr.io/atelier/metrics", "cron", "quay.io/data/loader"];
  for (let n = images.length; n < count; n += 1) {
    images.push(
      fakeImage(fakeId(8000 + n), n % 9 ? [`${names[n % names.length]}:1.${n}.0`] : [], {
        createdAt: Date.now() - n * day,
        size: (20 + ((n * 37) % 900)) * MiB,
        own: ((n * 11) % 190) * MiB,
        source: sources[n % sources.length] ?? "pull",
      }),
    );
  }
  return images.slice(0, count);
}

export function starterImage(id = fakeStarterId(), usedBy: string[] = []): Image {
  return fakeImage(id, ["busybox:host"], {
    size: 2 * MiB,
    own: 2 * MiB,
    files: 412,
    layers: 1,
    source: "starter",
    origin: "/bin/busybox",
    usedBy,
    config: {
      entrypoint: [],
      cmd: ["sh"],
      env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
      cwd: "/",
      user: "",
      ports: [],
      volumes: [],
      labels: {},
    },
  });
}

/** The id that containers made from it name. */
function fakeStarterId(): string {
  return fakeContainer(0, "x", "busybox:host", { status: "created" }).image.id;
}

const steps = [
  "/bin/sh -c #(nop) ADD file:0f1c6a4e9f8d2b in / ",
  '/bin/sh -c #(nop)  CMD ["bash"]',
  "RUN /bin/sh -c set -eux; apt-get update; apt-get install -y --no-install-recommends ca-certificates curl gnupg; rm -rf /var/lib/apt/lists/* # buildkit",
  "COPY /src/dist /app # buildkit",
  "ENV NODE_ENV=production",
  "RUN /bin/sh -c npm ci --omit=dev # buildkit",
  "EXPOSE map[8080/tcp:{}]",
  "COPY --chown=app:app config /app/config # buildkit",
  "USER app",
  'CMD ["serve" "--port" "8080"]',
];

/** As many steps with a layer as the image has layers, with those that made none between them. */
export function fakeHistory(image: Image): HistoryEntry[] {
  const history: HistoryEntry[] = [];
  let left = image.size;
  for (let n = 0, made = 0; made < image.layers || n < steps.length; n += 1) {
    const createdBy = steps[n % steps.length] as string;
    const empty = /CMD|ENV|EXPOSE|USER/.test(createdBy);
    const createdAt = image.createdAt - (steps.length - n) * minute;
    if (empty || made >= image.layers) {
      if (empty) history.push({ createdBy, createdAt });
      continue;
    }
    made += 1;
    const size = made === image.layers ? left : Math.floor(left * 0.6);
    left -= size;
    const base = made === 1 && image.layers > 1;
    history.push({
      createdBy,
      createdAt,
      comment: base ? "debuerreotype 0.16" : "buildkit.dockerfile.v0",
      layer: {
        diffId: `sha256:${fakeId(made * 17 + image.files)}`,
        digest: `sha256:${fakeId(made * 19 + image.files)}`,
        mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
        compressed: Math.floor(size * 0.42),
        size,
        files: Math.ceil(image.files / image.layers),
        kind: "erofs",
        sharedWith: base
          ? ["debian:13-slim", "orders:41f9c2", "gateway:2.8.1"].filter(
              (name) => !image.names.includes(name),
            )
          : [],
      },
    });
  }
  return history;
}

/** A pull half done, with a layer in each state; a push; and one that failed. */
export function fakeTransfers(): Transfer[] {
  const layer = (
    n: number,
    MiBs: number,
    part: number,
    state: Transfer["layers"][number]["state"],
  ) => ({
    digest: `sha256:${fakeId(600 + n)}`,
    size: MiBs * MiB,
    done: Math.floor(MiBs * MiB * part),
    state,
  });
  const now = Date.now();
  return [
    {
      id: "transfer-1",
      direction: "pull",
      reference: "pytorch/pytorch:2.9.0-cuda13.0-cudnn9-runtime",
      status: "running",
      startedAt: now - 42_000,
      layers: [
        layer(1, 28, 1, "there"),
        layer(2, 110, 1, "done"),
        layer(3, 342, 1, "unpacking"),
        layer(4, 821, 0.64, "moving"),
        layer(5, 96, 0.31, "moving"),
        layer(6, 12, 0.8, "moving"),
        layer(7, 204, 0, "waiting"),
        layer(8, 1, 0, "waiting"),
      ],
    },
    {
      id: "transfer-2",
      direction: "push",
      reference: "ghcr.io/atelier/gateway:2.8.1",
      status: "running",
      startedAt: now - 6000,
      layers: [layer(11, 28, 1, "there"), layer(12, 61, 0.4, "moving")],
    },
    {
      id: "transfer-3",
      direction: "pull",
      reference: "registry.atelier.example:5000/billing:nightly",
      status: "failed",
      startedAt: now - 90_000,
      endedAt: now - 88_000,
      layers: [],
      error: {
        code: "UNAUTHENTICATED",
        message: "registry.atelier.example:5000 lets nobody pull billing without signing in",
        details: {
          hint: "Sign in to it, then try again",
          output:
            '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[{"Type":"repository","Name":"billing","Action":"pull"}]}]}',
        },
      },
    },
  ];
}
