import { quoteShellWords } from "#shared/base/shell-words";
import type { ImageConfig } from "#shared/contract/images";
import { Button } from "../../components/button.tsx";
import { CommandField } from "./command-field.tsx";
import type { CreateForm, FormField } from "./form.ts";

/** What is run: the image's entrypoint and command, each to be edited, and what else the image says of it. */
export function ProcessFields(props: {
  form: CreateForm;
  set: (change: Partial<CreateForm>) => void;
  errorOf: (field: FormField) => string | undefined;
  image: ImageConfig | undefined;
}) {
  const { form, set, errorOf, image } = props;
  const entrypoint = image?.entrypoint ?? [];
  const withEntrypoint = entrypoint.length > 0 || form.entrypoint !== undefined;
  // With an entrypoint of one's own the image's command does not count.
  const command = form.entrypoint === undefined ? (image?.cmd ?? []) : [];
  const setEntrypoint = (text: string | undefined): void =>
    set({
      entrypoint: text,
      // It would go, with an entrypoint of one's own: it stays as if it had been typed.
      ...(text !== undefined && form.command === undefined && command.length > 0
        ? { command: quoteShellWords(command) }
        : {}),
    });
  return (
    <>
      {withEntrypoint && (
        <CommandField
          label="Entrypoint"
          value={form.entrypoint}
          onChange={setEntrypoint}
          own={entrypoint}
          placeholder="none: the command is run by itself"
          aside={
            form.entrypoint !== undefined && (
              <Button variant="link" onClick={() => setEntrypoint(undefined)}>
                Without one
              </Button>
            )
          }
          error={errorOf("entrypoint")}
        />
      )}
      <CommandField
        label="Command"
        value={form.command}
        onChange={(text) => set({ command: text })}
        own={command}
        placeholder={
          withEntrypoint ? "arguments of the entrypoint" : "sh -c 'while :; do date; sleep 1; done'"
        }
        aside={
          !withEntrypoint && (
            <Button variant="link" onClick={() => setEntrypoint("")}>
              Entrypoint…
            </Button>
          )
        }
        error={errorOf("args")}
      />
      {image && <Declared image={image} />}
    </>
  );
}

/** What the image says that it offers and keeps. */
function Declared(props: { image: ImageConfig }) {
  const { ports, volumes } = props.image;
  if (ports.length === 0 && volumes.length === 0) return null;
  return (
    <ul className="declared">
      {ports.length > 0 && (
        <li>
          <span className="muted">Listens on</span>
          <span className="mono selectable">{ports.join(", ")}</span>
          <span className="dim">not published yet</span>
        </li>
      )}
      {volumes.length > 0 && (
        <li>
          <span className="muted">Keeps</span>
          <span className="mono selectable">{volumes.join(", ")}</span>
          <span className="dim">with the container</span>
        </li>
      )}
    </ul>
  );
}
