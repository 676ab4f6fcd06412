import type { Image, Transfer } from "#shared/contract/images";
import type { Delta } from "#shared/contract/common";
import type { OperationService } from "../operations/operation-service.ts";
import { familiarName, familiarText, parseReference } from "../registry/reference.ts";
import type { RegistryClient } from "../registry/registry-client.ts";
import type { ImageService } from "./image-service.ts";
import type { ImageStore } from "./image-store.ts";
import type { Puller } from "./puller.ts";
import type { Pusher } from "./pusher.ts";
import { TransferList } from "./transfer-list.ts";

/** Suggestions at once, and milliseconds that a registry has for its part in them. */
const mostSuggestions = 20;
const suggestTimeout = 3000;

export interface TransferServiceOptions {
  images: ImageService;
  store: ImageStore;
  registries: RegistryClient;
  puller: Puller;
  pusher: Pusher;
  operations: OperationService;
}

/** Images between this machine and registries. */
export class TransferService {
  readonly #o: TransferServiceOptions;
  readonly #list = new TransferList();

  constructor(options: TransferServiceOptions) {
    this.#o = options;
  }

  watch(signal: AbortSignal): AsyncGenerator<Delta<Transfer>, void, void> {
    return this.#list.watch(signal);
  }

  /** `within`: see OperationService.run. */
  async pull(text: string, platform?: string, within?: AbortSignal): Promise<Image> {
    const { operations, puller, images } = this.#o;
    const reference = parseReference(text);
    const title = `Pulling ${familiarText(reference)}`;
    return operations.run(
      { kind: "pull", title, cancellable: true },
      (op) =>
        this.#list.run({ direction: "pull", reference: text }, op, async (progress) =>
          images.added(await puller.pull(reference, platform, op, progress)),
        ),
      within,
    );
  }

  async push(name: string): Promise<{ digest: string }> {
    const { operations, pusher } = this.#o;
    const title = `Pushing ${familiarText(parseReference(name))}`;
    const { digest } = await operations.run({ kind: "push", title, cancellable: true }, (op) =>
      this.#list.run({ direction: "push", reference: name }, op, (progress) =>
        pusher.push(name, op.signal, progress),
      ),
    );
    return { digest };
  }

  platforms(text: string, options: { signal?: AbortSignal } = {}): Promise<string[]> {
    return this.#o.puller.platforms(parseReference(text), options);
  }

  /** Names that go on as `text` does: those here and those pulled before, then tags of that repository. */
  async suggest(text: string, options: { signal?: AbortSignal } = {}): Promise<string[]> {
    const { store } = this.#o;
    const known = store.list().flatMap(({ id, source, origin }) => {
      const pulled = source === "pull" ? [familiarText(parseReference(origin))] : [];
      return [...store.namesOf(id), ...pulled];
    });
    const found = new Set(known.filter((name) => name.startsWith(text)).sort());
    if (found.size < mostSuggestions && /:[^/]*$/.test(text)) {
      for (const name of await this.#tags(text, options)) found.add(name);
    }
    return [...found].slice(0, mostSuggestions);
  }

  dispose(): void {
    this.#list.dispose();
  }

  /** None when the registry does not answer, in time or at all: they are only suggestions. */
  async #tags(text: string, { signal }: { signal?: AbortSignal }): Promise<string[]> {
    const late = AbortSignal.timeout(suggestTimeout);
    const either = signal ? AbortSignal.any([signal, late]) : late;
    const found: string[] = [];
    try {
      const begun = text.slice(text.lastIndexOf(":") + 1);
      const reference = parseReference(text.slice(0, text.lastIndexOf(":")));
      const repository = await this.#o.registries.open(reference);
      for await (const tags of repository.tags({ signal: either })) {
        const matching = tags.filter((tag) => tag.startsWith(begun));
        found.push(...matching.map((tag) => `${familiarName(reference)}:${tag}`));
        if (found.length >= mostSuggestions) break;
      }
    } catch {
      // As far as it got.
    }
    return found;
  }
}
