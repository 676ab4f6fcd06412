import type { ComposeSource } from "./load.ts";
import type { Project, Service } from "./project.ts";
import { readProject, type ReadProject } from "./read-project.ts";

export interface Given extends Partial<Omit<ComposeSource, "files">> {
  /** Files that override the first. */
  over?: string[];
  /** Files of the machine, by their paths. */
  disk?: Record<string, string>;
  environment?: Record<string, string>;
}

/** A project from its text, in /work/shop where nothing else is said. */
export function readText(text: string, given: Given = {}): Promise<ReadProject> {
  const { over = [], disk = {}, environment = {}, ...source } = given;
  const files = [text, ...over].map((text, index) => ({
    ...{ name: index === 0 ? "compose.yaml" : `over-${index}.yaml`, text },
  }));
  return readProject(
    { ...{ directory: "/work/shop", env: "", profiles: [] }, ...source, files },
    { environment, read: async (path) => disk[path] },
  );
}

/** `line path: message` of each note, with its level before it. */
export const noteLines = ({ notes }: ReadProject): string[] =>
  notes.map(({ level, line, path, message }) => `${level} ${line} ${path}: ${message}`);

/** The project of a text that has no errors. */
export async function projectOf(text: string, given: Given = {}): Promise<Project> {
  const read = await readText(text, given);
  if (!read.project) throw new Error(noteLines(read).join("\n"));
  return read.project;
}

/** A text's only service. */
export async function serviceOf(text: string, given: Given = {}): Promise<Service> {
  const indented = text.replaceAll(/^/gm, "    ");
  const { services } = await projectOf(`services:\n  web:\n    image: i\n${indented}`, given);
  return services[0] as Service;
}
