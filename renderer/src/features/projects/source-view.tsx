import { useEffect, useRef } from "react";
import type { ComposeNote, ProjectSource } from "#shared/contract/projects";
import { cx } from "../../components/cx.ts";
import { sentence } from "../../components/error-note.tsx";

export interface SourcePlace {
  file: string;
  line: number;
}

/** A project's files as they were imported, with what is said of a line below it. */
export function SourceView(props: {
  source: ProjectSource;
  notes: readonly ComposeNote[];
  /** Shown in the middle. */
  at?: SourcePlace | undefined;
}) {
  const { source, notes, at } = props;
  const files = source.env.trim() === "" ? source.files : [...source.files, envFile(source)];
  return (
    <div className="source">
      {files.map(({ name, text }) => (
        <SourceFile
          key={name}
          name={name}
          text={text}
          notes={notes.filter(({ file }) => file === name)}
          line={at?.file === name ? at.line : undefined}
        />
      ))}
    </div>
  );
}

const envFile = ({ env }: ProjectSource): ProjectSource["files"][number] => ({
  ...{ name: ".env", text: env },
});

function SourceFile(props: {
  name: string;
  text: string;
  notes: readonly ComposeNote[];
  line: number | undefined;
}) {
  const { name, text, notes, line } = props;
  const marked = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (line !== undefined) marked.current?.scrollIntoView({ block: "center" });
  }, [line]);
  return (
    <section aria-label={name}>
      <h3 className="mono">{name}</h3>
      <ol className="source__lines mono selectable">
        {text.split("\n").map((content, index) => {
          const number = index + 1;
          const own = notes.filter((note) => note.line === number);
          const at = number === line;
          return (
            // A line is what it is by its number.
            // oxlint-disable-next-line react/no-array-index-key
            <li key={number} ref={at ? marked : undefined} className={cx(at && "source__at")}>
              <span className="source__number num dim" aria-hidden="true">
                {number}
              </span>
              <span className="source__text">{content}</span>
              {own.map(({ level, path, message }) => (
                <span key={`${path} ${message}`} className={`source__note compose-note--${level}`}>
                  {sentence(message)}
                </span>
              ))}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
