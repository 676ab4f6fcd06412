import * as Radix from "radix-ui/dialog";
import { Search } from "lucide-react";
import { type KeyboardEvent, useEffect, useId, useMemo, useState } from "react";
import { Icon } from "../../components/icon.tsx";
import { Kbd } from "../../components/kbd.tsx";
import { Mark, statusLook } from "../../components/status-mark.tsx";
import { useContainers } from "../../queries/containers.ts";
import { useBuilder, useImages } from "../../queries/images.ts";
import { useProjects } from "../../queries/projects.ts";
import { closeOverlay } from "../../state/overlays.ts";
import { useSelection } from "../../state/selection.ts";
import { useCommands } from "../containers/commands.ts";
import { useProjectCommands } from "../projects/commands.ts";
import {
  actionItems,
  containerItem,
  imageItem,
  type PaletteItem,
  projectItems,
  windowItems,
} from "./commands.ts";
import { fuzzyMatch, type Match } from "./fuzzy.ts";
import "./palette.css";

/** At most so many lines; one types on rather than scroll through more. */
const most = 60;

interface Line {
  item: PaletteItem;
  match: Match;
}

/** Everything by name, from the keyboard alone. */
export function Palette() {
  const { items } = useContainers();
  const images = useImages();
  const canBuild = useBuilder()?.tool !== undefined;
  const projects = useProjects();
  const commands = useCommands();
  const projectCommands = useProjectCommands();
  const current = useSelection((state) => state.current);
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(0);
  const id = useId();

  const all = useMemo(() => {
    const here = current === undefined ? undefined : items.get(current);
    const containers = [...items.values()];
    const runnable = [...images.items.values()].map(imageItem);
    const composed = [...projects.items.values()].flatMap((each) =>
      projectItems(each, projectCommands),
    );
    const window = windowItems(canBuild);
    return {
      // Before anything is typed: what can be done to the row one comes from, then the rest.
      first: [
        ...(here ? actionItems(here, commands) : []),
        ...window,
        ...containers.map((each) => containerItem(each, commands)),
      ],
      every: [
        ...containers.map((each) => containerItem(each, commands)),
        ...composed,
        ...window,
        ...runnable,
        ...containers.flatMap((each) => actionItems(each, commands)),
      ],
    };
  }, [items, images, projects, canBuild, commands, projectCommands, current]);
  const lines = useMemo(
    () =>
      (typed.trim() === ""
        ? all.first.map((item) => ({ item, match: { score: 0, at: [] } }))
        : search(all.every, typed)
      ).slice(0, most),
    [all, typed],
  );
  const at = Math.min(chosen, lines.length - 1);
  const chosenId = lines.length > 0 ? `${id}-${at}` : undefined;
  useEffect(() => {
    if (chosenId) document.getElementById(chosenId)?.scrollIntoView({ block: "nearest" });
  }, [chosenId]);

  const run = (line: Line | undefined): void => {
    if (!line) return;
    closeOverlay();
    line.item.run();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const last = lines.length - 1;
    if (event.key === "ArrowDown" || (event.ctrlKey && event.key === "n")) {
      setChosen(at >= last ? 0 : at + 1);
    } else if (event.key === "ArrowUp" || (event.ctrlKey && event.key === "p")) {
      setChosen(at <= 0 ? last : at - 1);
    } else if (event.key === "PageDown") setChosen(Math.min(last, at + 8));
    else if (event.key === "PageUp") setChosen(Math.max(0, at - 8));
    else if (event.key === "Enter") run(lines[at]);
    else return;
    event.preventDefault();
  };

  return (
    <Radix.Root open onOpenChange={(open) => !open && closeOverlay()}>
      <Radix.Portal>
        <div className="dialog-shade" />
        <Radix.Content className="palette" aria-describedby={undefined}>
          <Radix.Title className="visually-hidden">Search or run a command</Radix.Title>
          <div className="palette__input">
            <Icon of={Search} />
            <input
              role="combobox"
              aria-expanded="true"
              aria-controls={`${id}-list`}
              aria-activedescendant={chosenId}
              aria-label="Search or run a command"
              placeholder="Search or run a command"
              spellCheck={false}
              value={typed}
              onChange={(event) => {
                setTyped(event.target.value);
                setChosen(0);
              }}
              onKeyDown={onKeyDown}
            />
            <Kbd keys="Esc" />
          </div>
          <ul id={`${id}-list`} className="palette__list" role="listbox" aria-label="Results">
            {lines.map((line, index) => (
              <PaletteLine
                key={line.item.id}
                id={`${id}-${index}`}
                line={line}
                heading={
                  lines[index - 1]?.item.group === line.item.group ? undefined : line.item.group
                }
                chosen={index === at}
                onChoose={() => run(line)}
                onHover={() => setChosen(index)}
              />
            ))}
            {lines.length === 0 && (
              <li className="palette__none muted">Nothing matches “{typed}”</li>
            )}
          </ul>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Best first, but each group together, in the order of its best. */
function search(items: PaletteItem[], typed: string): Line[] {
  const lines = items
    .flatMap((item) => {
      const match = fuzzyMatch(typed, item.label);
      return match ? [{ item, match }] : [];
    })
    .sort((a, b) => b.match.score - a.match.score)
    .slice(0, most);
  const groups = [...new Set(lines.map(({ item }) => item.group))];
  return groups.flatMap((group) => lines.filter(({ item }) => item.group === group));
}

function PaletteLine(props: {
  id: string;
  line: Line;
  heading: string | undefined;
  chosen: boolean;
  onChoose: () => void;
  onHover: () => void;
}) {
  const { id, line, heading, chosen, onChoose, onHover } = props;
  const { label, detail, icon, shortcut, container } = line.item;
  const look = container && statusLook(container.state);
  return (
    <>
      {heading && (
        <li className="palette__heading" role="presentation">
          {heading}
        </li>
      )}
      {/* The input has the focus and the keys; a line is only pointed at. */}
      {/* oxlint-disable-next-line jsx-a11y/click-events-have-key-events */}
      <li
        id={id}
        role="option"
        aria-selected={chosen}
        className="palette__line"
        onClick={onChoose}
        onPointerMove={onHover}
      >
        {look ? (
          <span className="palette__mark">
            <Mark shape={look.shape} tone={look.tone} />
          </span>
        ) : (
          <Icon of={icon} />
        )}
        <span className="truncate">
          <Highlighted text={label} at={line.match.at} />
          {detail && <span className="dim"> {detail}</span>}
        </span>
        {shortcut && <Kbd keys={shortcut} />}
      </li>
    </>
  );
}

function Highlighted(props: { text: string; at: number[] }) {
  const { text, at } = props;
  if (at.length === 0) return text;
  const matched = new Set(at);
  return Array.from(text, (character, index) =>
    matched.has(index) ? (
      // A character has no identity but its place.
      // oxlint-disable-next-line react/no-array-index-key
      <b key={index}>{character}</b>
    ) : (
      character
    ),
  );
}
