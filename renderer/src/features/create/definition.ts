import { parse, stringify } from "yaml";
import { looksLikeRunLine, parseRunLine } from "#shared/run-line/parse-run-line";
import type { Place } from "#shared/run-line/place";
import { RunDraft, type RunNote } from "#shared/run-line/draft";
import type { ContainerConfig } from "#shared/contract/containers";

/** What a container is made from, read from a text. */
export type Read =
  | {
      ok: true;
      draft: RunDraft;
      image: string;
      start: boolean;
      notes: RunNote[];
      /** It depends on the directory that it is run in. */
      inDirectory?: boolean;
    }
  | { ok: false; message: string };

/** A container's definition: its configuration, with its image by name in place of an id. */
export function writeDefinition(
  config: ContainerConfig | RunDraft,
  image: string,
  format: "yaml" | "json",
): string {
  const { imageId: _, ...rest } = config as ContainerConfig;
  const definition = { image, ...rest };
  if (format === "json") return `${JSON.stringify(definition, null, 2)}\n`;
  return stringify(definition, { aliasDuplicateObjects: false, lineWidth: 0 });
}

/** Reads a docker run line, or a definition as YAML or JSON, of which the latter is a part of the former. */
export function readText(text: string, place: Place = {}): Read {
  if (looksLikeRunLine(text)) return parseRunLine(text, place);
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    return { ok: false, message: (error as Error).message.split("\n")[0] ?? "It can’t be read" };
  }
  if (typeof value !== "object" || value === null || !("image" in value)) {
    return {
      ok: false,
      message: "This is neither a docker run line nor a definition with an image",
    };
  }
  const { image, ...rest } = value;
  if (typeof image !== "string") return { ok: false, message: "image: must be a name" };
  // What most leave out.
  const empty = { args: [], env: [], terminal: false, limits: {}, labels: {} };
  const checked = RunDraft.strict().safeParse({ ...empty, restart: { name: "no" }, ...rest });
  if (!checked.success) {
    const [issue] = checked.error.issues;
    const at = issue?.path.join(".");
    return { ok: false, message: `${at ? `${at}: ` : ""}${issue?.message ?? "It is not valid"}` };
  }
  return { ok: true, draft: checked.data, image, start: true, notes: [] };
}
