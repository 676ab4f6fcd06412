import type { Operation } from "#shared/contract/activity";
import type { Container } from "#shared/contract/containers";
import type { Image, Removal, Transfer } from "#shared/contract/images";
import type { AppContract } from "#shared/contract/index";
import { AppError } from "#shared/errors";
import type { Handlers } from "#shared/rpc/define";
import { fakeId } from "./fake-data.ts";
import { fakeHistory, fakeImage, starterImage } from "./fake-images.ts";
import { type FakeList, pause } from "./fake-list.ts";

interface Lists {
  containers: FakeList<Container>;
  images: FakeList<Image>;
  transfers: FakeList<Transfer>;
  operations: FakeList<Operation>;
  /** How long an action takes, milliseconds. */
  delay: number;
}

const MiB = 1024 * 1024;
const published = ["alpine:3.22", "alpine:edge", "alpine:latest", "nginx:1.29", "nginx:latest"];
const buildLog = [
  "STEP 1/4: FROM alpine:3.22",
  "STEP 2/4: RUN apk add --no-cache nodejs",
  "\u001b[32m(1/7)\u001b[0m Installing ca-certificates (20250619-r0)",
  "\u001b[32m(2/7)\u001b[0m Installing libgcc (14.2.0-r6)",
  "\u001b[1;33mWARNING:\u001b[0m opening from cache https://dl-cdn.alpinelinux.org: No such file",
  "STEP 3/4: COPY . /app",
  'STEP 4/4: CMD ["node", "/app/server.js"]',
  "\u001b[1mCOMMIT\u001b[0m",
];

/** The images of the fake core. Nothing is pulled: what a registry would have is `published`. */
export function fakeImageHandlers(lists: Lists): Handlers<AppContract>["images"] {
  const { containers, images, transfers, operations, delay } = lists;
  let made = 0;
  const builds = new Map<string, Promise<unknown>>();

  const get = (id: string): Image => {
    const image = images.items.get(id);
    if (!image) throw new AppError("NOT_FOUND", `There is no image ${id.slice(0, 12)}`);
    return image;
  };
  const byName = (name: string): Image | undefined =>
    [...images.items.values()].find((image) => image.names.includes(name));
  const takeName = (name: string): void => {
    const had = byName(name);
    if (had) images.put({ ...had, names: had.names.filter((each) => each !== name) });
  };
  const add = (names: string[], source: Image["source"], origin: string): Image => {
    names.forEach(takeName);
    made += 1;
    const image = fakeImage(fakeId(9000 + made), names, { source, origin, addedAt: Date.now() });
    images.put(image);
    return image;
  };
  /** Of those that containers use, nothing goes. */
  const removal = (wanted: Image[]): Removal => {
    const holders = (image: Image): string[] =>
      image.usedBy.map((id) => `container ${containers.items.get(id)?.name ?? id.slice(0, 12)}`);
    const free = wanted.filter(({ usedBy }) => usedBy.length === 0);
    return {
      images: free.map(({ id, names, own }) => ({ id, names, frees: own })),
      frees: free.reduce((sum, { own }) => sum + own, 0),
      held: wanted
        .filter(({ usedBy }) => usedBy.length > 0)
        .map((image) => ({ id: image.id, names: image.names, by: holders(image) })),
    };
  };
  const prunable = (what: "unnamed" | "unused"): Image[] =>
    [...images.items.values()].filter(
      ({ names, usedBy }) => usedBy.length === 0 && (what === "unused" || names.length === 0),
    );

  /** Three layers that come one after the other; the operation beside it can be cancelled. */
  const transfer = async (
    direction: Transfer["direction"],
    reference: string,
    signal: AbortSignal,
  ): Promise<void> => {
    made += 1;
    const id = `transfer-${direction}-${made}`;
    const sizes = [31 * MiB, 8 * MiB, 2 * MiB];
    const put = (part: Partial<Transfer>): void =>
      transfers.patch(id, (before) => ({ ...before, ...part }));
    const title = `${direction === "pull" ? "Pulling" : "Pushing"} ${reference}`;
    operations.put({
      ...{ id, kind: direction, title, startedAt: Date.now(), status: "running" },
      cancellable: true,
    });
    transfers.put({
      ...{ id, direction, reference, status: "running", startedAt: Date.now(), layers: [] },
    });
    await pause(delay, signal);
    for (let step = 0; step <= 10; step += 1) {
      if (signal.aborted || operations.items.get(id)?.status === "cancelled") {
        put({ status: "cancelled", endedAt: Date.now() });
        throw new AppError("CANCELLED", `${title} was cancelled`);
      }
      put({
        layers: sizes.map((size, index) => {
          const part = Math.min(1, Math.max(0, (step - index) / 8));
          const state = part === 0 ? "waiting" : part < 1 ? "moving" : "unpacking";
          return {
            digest: `sha256:${fakeId(made * 7 + index)}`,
            size,
            done: Math.floor(size * part),
            state: step === 10 ? "done" : state,
          };
        }),
      });
      if (delay) await pause(delay / 3, signal);
    }
    put({ status: "done", endedAt: Date.now() });
    operations.patch(id, (before) => ({ ...before, status: "done", endedAt: Date.now() }));
  };

  return {
    watch: (_, { signal }) => images.watch(signal),
    get: ({ id }) => get(id),
    detail: ({ id }) => {
      const image = get(id);
      return {
        image,
        history: fakeHistory(image),
        manifest: JSON.stringify({ schemaVersion: 2, config: { digest: `sha256:${id}` } }),
        configText: JSON.stringify({ architecture: "amd64", os: "linux", config: image.config }),
      };
    },
    ensureStarter: async () => {
      await pause(delay);
      const image = starterImage();
      images.put(image);
      return image;
    },
    importTar: ({ name, path }) => add([name], "tar", path),
    importDirectory: ({ name, path }) => add([name], "directory", path),
    load: ({ path }) => [add(["loaded:1"], "archive", path), add(["loaded:2"], "archive", path)],
    save: () => ({}),
    pull: async ({ reference }, { signal }) => {
      await transfer("pull", reference, signal);
      const name = reference.includes(":") ? reference : `${reference}:latest`;
      return add([name], "pull", reference);
    },
    push: async ({ name }, { signal }) => {
      await transfer("push", name, signal);
      return { digest: `sha256:${fakeId(4)}` };
    },
    watchTransfers: (_, { signal }) => transfers.watch(signal),
    suggest: ({ text }) => [
      ...new Set(
        [...[...images.items.values()].flatMap(({ names }) => names), ...published].filter(
          (name) => name.startsWith(text) && name !== text,
        ),
      ),
    ],
    platforms: ({ reference }) =>
      reference.startsWith("nginx")
        ? ["linux/amd64", "linux/arm64/v8", "linux/386"]
        : ["linux/amd64"],
    tag: ({ id, name }) => {
      takeName(name);
      images.patch(id, (image) => ({ ...image, names: [...image.names, name].sort() }));
      return {};
    },
    untag: ({ name }) => {
      takeName(name);
      return {};
    },
    previewDelete: ({ ids }) => removal(ids.map(get)),
    delete: ({ id }) => {
      const [held] = removal([get(id)]).held;
      if (held) {
        throw new AppError("FAILED_PRECONDITION", `It is used by ${held.by.join(", ")}`, {
          hint: "Delete these containers first",
        });
      }
      const { own } = get(id);
      images.remove(id);
      return { freed: own };
    },
    previewPrune: ({ what }) => removal(prunable(what)),
    prune: ({ what }) => {
      const gone = prunable(what);
      images.remove(...gone.map(({ id }) => id));
      return { images: gone.length, freed: gone.reduce((sum, { own }) => sum + own, 0) };
    },
    commit: ({ name, containerId }) => add([name], "commit", containerId),
    exportContainer: () => ({}),
    builder: () => ({ tool: "buildah", version: "1.28.2" }),
    build: async ({ buildId, name, context }, { signal }) => {
      const title = `Building ${name}`;
      operations.put({
        ...{ id: buildId, kind: "build", title, startedAt: Date.now(), status: "running" },
        cancellable: true,
      });
      const done = pause(delay * buildLog.length, signal);
      builds.set(buildId, done);
      await done;
      if (signal.aborted || operations.items.get(buildId)?.status === "cancelled") {
        throw new AppError("CANCELLED", `${title} was cancelled`);
      }
      const image = add([name], "build", context);
      operations.patch(buildId, (before) => ({
        ...{ ...before, status: "done", endedAt: Date.now(), imageId: image.id },
      }));
      return image;
    },
    async *watchBuild(_, { signal }) {
      for (const text of buildLog) {
        if (signal.aborted) return;
        yield { time: Date.now(), text };
        await pause(delay, signal);
      }
    },
  };
}
