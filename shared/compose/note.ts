import type { ComposeNote, NoteLevel } from "../contract/projects.ts";

export type { ComposeNote, NoteLevel };

/** A file that a project is read from. */
export interface SourceFile {
  /** As the user knows it: `compose.yaml`, or an absolute path. */
  name: string;
  /** Where relative paths in it begin; absent where it was pasted, and nothing relative can be meant. */
  directory: string | undefined;
}

/** Where something stands; lines count from 1. */
export interface Place {
  file: SourceFile;
  line: number;
}

/** What is said of a project while it is read; each thing once. */
export class Notes {
  readonly #notes = new Map<string, ComposeNote>();

  add(level: NoteLevel, at: Place, path: string, message: string): void {
    const note = { level, file: at.file.name, line: at.line, path, message };
    this.#notes.set(JSON.stringify(note), note);
  }

  get failed(): boolean {
    return [...this.#notes.values()].some(({ level }) => level === "error");
  }

  /** By file in the order in which they were read, and by line. */
  list(): ComposeNote[] {
    const all = [...this.#notes.values()];
    const files = [...new Set(all.map(({ file }) => file))];
    return all.sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line);
  }
}
