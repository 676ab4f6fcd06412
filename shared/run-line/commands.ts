/**
 * Splits what was copied from a page into the commands that a POSIX shell would read
 * (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html), and forgives what pages get wrong: a
 * blank after the backslash that continues a line, comments within a continued line, continuations of cmd and PowerShell
 * (`^` and a backtick at a line's end), and lines continued by nothing but their first dash.
 */
export type Pasted =
  | { ok: true; commands: PastedCommand[] }
  /** `position` is the index of the quote or backslash that is not closed. */
  | { ok: false; position: number; message: string };

/** At least one word, from `start` up to, not including, `end`. */
export interface PastedCommand {
  words: PastedWord[];
  start: number;
  end: number;
}

export interface PastedWord {
  value: string;
  start: number;
  end: number;
  /** A shell would put something in the place of a part of it, and it is not known what. */
  open: boolean;
}

/** What a shell here would put in the place of `~`, `$NAME` or `$(COMMAND)`; undefined: that is not known. */
export type Expand = (expression: string) => string | undefined;

export function splitCommands(text: string, expand: Expand = () => undefined): Pasted {
  return new Splitter(text, expand).read();
}

class Unclosed extends Error {
  readonly position: number;
  constructor(position: number, message: string) {
    super(message);
    this.position = position;
  }
}

/** A line's end as some write it who mean that it goes on, from a given place on. */
const continued = /(?:\\[ \t]*|\\[ \t]+#[^\n]*|[`^][ \t]*)\n/y;
/** Lines that are empty or a comment, within a command that goes on. */
const between = /(?:[ \t]*(?:#[^\n]*)?\n)+/y;
const comment = /#[^\n]*/y;
const separator = /;|&&?|\|\|?|\n/y;
/** The root user's prompt looks like a comment's begin. */
const rootPrompt = /#[ \t]+(?:sudo|docker|podman|nerdctl)[ \t]/y;

class Splitter {
  readonly #text: string;
  readonly #expand: Expand;
  readonly #commands: PastedCommand[] = [];
  #words: PastedWord[] = [];
  #at = 0;

  constructor(text: string, expand: Expand) {
    this.#text = text;
    this.#expand = expand;
  }

  read(): Pasted {
    try {
      while (this.#at < this.#text.length) this.#step();
    } catch (error) {
      if (!(error instanceof Unclosed)) throw error;
      return { ok: false, position: error.position, message: error.message };
    }
    this.#end();
    return { ok: true, commands: this.#commands };
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0];
  }

  #skip(pattern: RegExp): boolean {
    const found = this.#match(pattern);
    this.#at += found?.length ?? 0;
    return found !== undefined;
  }

  #step(): void {
    if (this.#skip(/[ \t\r]+/y)) return;
    if (this.#skip(continued)) {
      this.#skip(between);
      return;
    }
    const prompt = this.#words.length === 0 && this.#match(rootPrompt) !== undefined;
    if (!prompt && this.#skip(comment)) return;
    if (this.#text[this.#at] === "\n" && this.#goesOn()) {
      this.#at += 1;
      return;
    }
    if (this.#skip(separator)) this.#end();
    else this.#word();
  }

  /** Whether the line after this one belongs to the command: it is indented more, or begins with a dash. */
  #goesOn(): boolean {
    const [first] = this.#words;
    const next = this.#match(/\n[ \t]*(?=[^\s#])/y);
    if (!first || next === undefined) return false;
    const line = this.#text.lastIndexOf("\n", first.start - 1) + 1;
    const indent = /^[ \t]*/.exec(this.#text.slice(line, first.start))?.[0].length ?? 0;
    return next.length - 1 > indent || this.#text[this.#at + next.length] === "-";
  }

  #end(): void {
    const [first] = this.#words;
    const last = this.#words.at(-1);
    if (first && last) {
      this.#commands.push({ words: this.#words, start: first.start, end: last.end });
    }
    this.#words = [];
  }

  #word(): void {
    const start = this.#at;
    const word = { value: "", open: false };
    let quoted = false;
    while (this.#at < this.#text.length && !this.#endsWord()) {
      const character = this.#text[this.#at] as string;
      quoted ||= character === "'" || character === '"';
      this.#piece(character, word, start);
    }
    // One that is nothing but a comment in backticks is none.
    if (word.value !== "" || quoted || word.open) {
      this.#words.push({ ...word, start, end: this.#at });
    }
  }

  #endsWord(): boolean {
    const character = this.#text[this.#at] as string;
    // `2>&1` is one word, and so is `<a&b>`, as pages write what is to be filled in.
    if (character === "&" && /[<>]/.test(this.#text[this.#at - 1] ?? "")) return false;
    if (this.#text.startsWith("\\\n", this.#at)) return false;
    return " \t\r\n;|&".includes(character) || this.#match(continued) !== undefined;
  }

  #piece(character: string, word: { value: string; open: boolean }, start: number): void {
    if (character === "'") {
      const close = this.#text.indexOf("'", this.#at + 1);
      if (close < 0) throw new Unclosed(this.#at, "This ' is never closed");
      word.value += this.#text.slice(this.#at + 1, close);
      this.#at = close + 1;
    } else if (character === '"') {
      this.#doubleQuoted(word);
    } else if (character === "\\") {
      const next = this.#text[this.#at + 1];
      if (next === undefined) throw new Unclosed(this.#at, "Nothing follows this \\");
      if (next !== "\n") word.value += next;
      this.#at += 2;
    } else if (character === "$" || character === "`") {
      this.#expansion(word);
    } else if (character === "~" && this.#isHome(start)) {
      this.#at += 1;
      put(word, "~", this.#expand("~"));
    } else {
      word.value += character;
      this.#at += 1;
    }
  }

  /** Within double quotes a backslash escapes only $ ` " \ and a newline (section 2.2.3). */
  #doubleQuoted(word: { value: string; open: boolean }): void {
    const open = this.#at;
    this.#at += 1;
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at] as string;
      const next = this.#text[this.#at + 1];
      if (character === '"') {
        this.#at += 1;
        return;
      }
      if (character === "\\" && next !== undefined && '$`"\\\n'.includes(next)) {
        if (next !== "\n") word.value += next;
        this.#at += 2;
      } else if (character === "$" || character === "`") {
        this.#expansion(word);
      } else {
        word.value += character;
        this.#at += 1;
      }
    }
    throw new Unclosed(open, 'This " is never closed');
  }

  #expansion(word: { value: string; open: boolean }): void {
    const text = this.#take();
    const expression = text.replace(/^\$\{(\w+)\}$/, "$$$1").replace(/^`(.*)`$/s, "$($1)");
    // How pages put a comment into a continued line.
    if (/^\$\(\s*#/.test(expression)) return;
    // A $ that nothing follows is one.
    if (text === "$") word.value += text;
    else put(word, text, this.#expand(expression.replace(/^\$\(\s*(.*?)\s*\)$/s, "$($1)")));
  }

  /** `$NAME`, `${...}`, `$(...)` or what is between backticks, which is then read. */
  #take(): string {
    const start = this.#at;
    const simple = this.#match(
      /\$(?:[A-Za-z_]\w*|[\d@*#?$!]|'(?:[^'\\]|\\[^])*'|\{[^}\n]*\})|`[^`]*`/y,
    );
    if (simple !== undefined) this.#at += simple.length;
    else if (this.#text.startsWith("$(", start)) this.#at = this.#closing(start + 2);
    else this.#at += 1;
    return this.#text.slice(start, this.#at);
  }

  /** Behind the bracket that closes what was opened before `from`. */
  #closing(from: number): number {
    let depth = 1;
    for (let at = from; at < this.#text.length; at += 1) {
      if (this.#text[at] === "(") depth += 1;
      else if (this.#text[at] === ")") depth -= 1;
      if (depth === 0) return at + 1;
    }
    throw new Unclosed(from - 2, "This $( is never closed");
  }

  /** A shell sees one at a word's begin only; after an equals sign everybody means it. */
  #isHome(start: number): boolean {
    const before = this.#text[this.#at - 1];
    if (this.#at !== start && before !== "=") return false;
    return /^~(?:[/:]|\s|$)/.test(this.#text.slice(this.#at, this.#at + 2));
  }
}

function put(word: { value: string; open: boolean }, raw: string, known: string | undefined): void {
  word.value += known ?? raw;
  word.open ||= known === undefined;
}
