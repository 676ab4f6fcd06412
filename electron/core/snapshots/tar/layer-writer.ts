import { AppError } from "#shared/errors";
import { defaultLimits, type TarLimits } from "./limits.ts";
import { entryPath } from "./names.ts";
import { Hole } from "./sparse.ts";
import { refuse, shownName, type TarEntry } from "./tar-entry.ts";
import { TarReader } from "./tar-reader.ts";
import { archiveEnd, encodeHeader, zerosAfter } from "./tar-writer.ts";

/** Of what is on our own disk anything is taken. */
const limits: TarLimits = {
  ...defaultLimits,
  ...{ total: Infinity, file: Infinity, content: Infinity, entries: Infinity, metadata: Infinity },
};

const overlayXattr = /^(?:trusted|user)\.overlay\.(.*)$/;

/**
 * Makes a layer of an archive of an overlay's upper directory: its whiteouts and opaque directories become those of
 * image-spec's layer.md, and nothing else of overlayfs is in it.
 */
export class LayerWriter {
  readonly #reader = new TarReader(limits);
  /** Bytes of the current file that are still to come. */
  #left = 0;
  #size = 0;

  /** To be read to its end. */
  *write(chunk: Uint8Array): Generator<Uint8Array> {
    for (const part of this.#reader.read(chunk)) {
      // Images have no sparse files: not every reader of them knows those (image-spec, layer.md).
      if (part instanceof Hole) yield* part.zeros();
      else if (part instanceof Uint8Array) yield part;
      else {
        yield* this.#entry(part);
        continue;
      }
      this.#left -= part.length;
      if (this.#left === 0) yield zerosAfter(this.#size);
    }
  }

  *end(): Generator<Uint8Array> {
    this.#reader.end();
    yield archiveEnd;
  }

  *#entry(entry: TarEntry): Generator<Uint8Array> {
    this.#left = this.#size = entry.size;
    // A name that no image may have can be in a container.
    const path = entry.path.split("/").filter((part) => part !== "" && part !== ".");
    const last = path.at(-1) ?? ".";
    const opaque = this.#overlay(entry, "opaque") !== undefined;
    for (const mark of ["redirect", "metacopy"]) {
      if (this.#overlay(entry, mark) !== undefined) throw notWhole(entry.path);
    }
    if (last.startsWith(".wh.")) throw refuse(entry.path, "has a name that means a deleted file");
    const parents = path.slice(0, -1);
    if (entry.type === "character" && entry.major === 0 && entry.minor === 0) {
      yield encodeHeader(mark(entry, [...parents, `.wh.${last}`]));
      return;
    }
    const xattrs = new Map([...entry.xattrs].filter(([name]) => !overlayXattr.test(name)));
    const target = entry.type === "link" ? entryPath(entry.target, limits).join("/") : entry.target;
    yield encodeHeader({ ...entry, path: path.join("/") || ".", target, xattrs });
    if (opaque) yield encodeHeader(mark(entry, [...path, ".wh..wh..opq"]));
  }

  #overlay({ xattrs }: TarEntry, mark: string): Buffer | undefined {
    return xattrs.get(`trusted.overlay.${mark}`) ?? xattrs.get(`user.overlay.${mark}`);
  }
}

/** An empty file whose name says all. */
function mark({ mtime }: TarEntry, path: string[]): TarEntry {
  return {
    ...{ type: "file", path: path.join("/"), target: "", mode: 0, uid: 0, gid: 0, size: 0 },
    ...{ mtime, major: 0, minor: 0, xattrs: new Map() },
  };
}

/** Some kernels note that a file was renamed, or its owner changed, instead of copying it. */
function notWhole(path: string): AppError {
  const name = shownName(path);
  return new AppError("UNIMPLEMENTED", `Of "${name}" only what was changed was kept`, {
    subject: `entry "${name}"`,
    hint: "Turn overlayfs's redirect_dir and metacopy off, and copy the file in the container.",
  });
}
