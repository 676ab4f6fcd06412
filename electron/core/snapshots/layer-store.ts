import type { Lower } from "../runtime/runtime.ts";
import type { LayerInfo, LayerKind, LayerPlan } from "./layer.ts";

/** The layers of this root, each under its diff id. Of an image nothing else is on disk twice. */
export interface LayerStore {
  readonly kind: LayerKind;
  get(diffId: string): Promise<LayerInfo | undefined>;
  /** Where makeLayer() puts a layer; serialisable, so that a worker thread can make it. */
  plan(): LayerPlan;
  list(): Promise<LayerInfo[]>;
  /** `diffIds` base first, as in an image's config; the answer topmost first, for RootfsMount.lower. NOT_FOUND names the one that is missing. */
  lowers(diffIds: readonly string[]): Promise<Lower[]>;
  /** Idempotent. The caller knows that nothing uses it. */
  remove(diffId: string): Promise<void>;
  /** Removes what makers that were cut off have left; what is just being made stays. */
  tidy(): Promise<void>;
}
