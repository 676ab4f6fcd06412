import { AppError } from "../errors.ts";
import { parseBoolean } from "../run-line/values.ts";
import type { NoteLevel, Notes, Place } from "./note.ts";
import { isNull, type Tree } from "./tree.ts";

export interface Pair {
  key: string;
  value: string | undefined;
  field: Field;
}

/** A value of a project with its path, read as what it should be; what it is not is noted as an error. */
export class Field {
  readonly tree: Tree;
  readonly path: string;
  /** Of its key, or its own in a list. */
  readonly at: Place;
  readonly notes: Notes;

  constructor(tree: Tree, path: string, notes: Notes, at: Place = tree.at) {
    this.tree = tree;
    this.path = path;
    this.notes = notes;
    this.at = at;
  }

  note(level: NoteLevel, message: string): void {
    this.notes.add(level, this.at, this.path, message);
  }

  /** What `read` makes of it; what it throws is noted as an error. */
  attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.note("error", AppError.from(error).message);
      return undefined;
    }
  }

  get isDict(): boolean {
    return this.tree.kind === "dict";
  }

  get isList(): boolean {
    return this.tree.kind === "list";
  }

  get isNull(): boolean {
    return isNull(this.tree);
  }

  text(): string | undefined {
    if (this.tree.kind === "scalar" && this.tree.value !== null) return this.tree.text;
    this.note("error", "Write a text here");
    return undefined;
  }

  number(): number | undefined {
    const text = this.text();
    if (text === undefined) return undefined;
    const number = text.trim() === "" ? Number.NaN : Number(text);
    if (Number.isFinite(number)) return number;
    this.note("error", `“${text}” is no number`);
    return undefined;
  }

  whole(): number | undefined {
    const number = this.number();
    if (number === undefined || (Number.isSafeInteger(number) && number >= 0)) return number;
    this.note("error", "Write a whole number");
    return undefined;
  }

  /** Where a value is one, 1.1's `yes` and `off` are taken for what they say, as docker compose does. */
  boolean(): boolean | undefined {
    const text = this.text()?.toLowerCase();
    if (text === undefined) return undefined;
    if (["yes", "y", "on"].includes(text)) return true;
    if (["no", "n", "off"].includes(text)) return false;
    return this.attempt(() => parseBoolean(text));
  }

  items(): Field[] {
    if (this.tree.kind === "list") {
      return this.tree.items.map(
        (item, index) => new Field(item, `${this.path}[${index}]`, this.notes),
      );
    }
    if (!this.isNull) this.note("error", "Write a list here, each of it after a “- ”");
    return [];
  }

  /** A list, or one of it alone. */
  oneOrMore(): Field[] {
    return this.tree.kind === "scalar" && !this.isNull ? [this] : this.items();
  }

  texts(): string[] {
    return this.oneOrMore().flatMap((item) => item.text() ?? []);
  }

  entries(): [string, Field][] {
    if (this.tree.kind === "dict") {
      return [...this.tree.entries].map(([key, { at, value }]) => [
        key,
        new Field(value, this.path === "" ? key : `${this.path}.${key}`, this.notes, at),
      ]);
    }
    if (!this.isNull) this.note("error", "Write keys with values here");
    return [];
  }

  /** Undefined when it is not there, or empty. */
  get(key: string): Field | undefined {
    const found = this.entries().find(([name]) => name === key)?.[1];
    return found?.isNull ? undefined : found;
  }

  /** `KEY: value` or a list of `KEY=value`; without a value where none is given. */
  pairs(mark: RegExp = /=/): Pair[] {
    if (this.isDict) {
      return this.entries().flatMap(([key, field]): Pair[] => {
        if (field.isNull) return [{ key, value: undefined, field }];
        if (field.isList) return field.texts().map((value) => ({ key, value, field }));
        const value = field.text();
        return value === undefined ? [] : [{ key, value, field }];
      });
    }
    return this.items().flatMap((field): Pair[] => {
      const text = field.text();
      if (text === undefined) return [];
      const at = text.search(mark);
      if (at < 0) return [{ key: text, value: undefined, field }];
      return [{ key: text.slice(0, at), value: text.slice(at + 1), field }];
    });
  }
}

/** Why a key can't be had, by its name; see NoteLevel. */
export interface Unsupported {
  lost?: Record<string, string>;
  vain?: Record<string, string>;
}

/** Reads the keys of a value one by one; those that nobody reads are noted. `what`: `A network`. */
export function readKeys(
  field: Field,
  what: string,
  known: Record<string, (value: Field) => void>,
  { lost = {}, vain = {} }: Unsupported = {},
): void {
  for (const [key, value] of field.entries()) {
    if (key.startsWith("x-")) continue;
    if (Object.hasOwn(known, key)) {
      if (!value.isNull) known[key]?.(value);
    } else if (Object.hasOwn(lost, key)) value.note("lost", lost[key] as string);
    else if (Object.hasOwn(vain, key)) value.note("vain", vain[key] as string);
    else value.note("lost", `${what} has no “${key}” here`);
  }
}
