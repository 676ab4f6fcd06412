import { Dialog } from "../../components/dialog.tsx";
import { Kbd } from "../../components/kbd.tsx";
import { closeOverlay } from "../../state/overlays.ts";

const groups: { title: string; keys: [keys: string[], does: string][] }[] = [
  {
    title: "Everywhere",
    keys: [
      [["Ctrl K"], "Search, run"],
      [["/"], "Filter the list"],
      [["n"], "New container"],
      [["Ctrl 1", "Ctrl 9"], "Pages"],
      [["Ctrl `"], "Open or close the dock"],
      [["?"], "This list"],
    ],
  },
  {
    title: "In the list",
    keys: [
      [["j", "k"], "Down, up"],
      [["Home", "End"], "First, last"],
      [["x"], "Tick or untick"],
      [["Shift ↓"], "Tick a range"],
      [["Ctrl A"], "Tick all"],
      [["Enter"], "Open beside the list"],
      [["Shift Enter"], "Open full page"],
      [["Esc"], "Untick, close"],
    ],
  },
  {
    title: "On a container",
    keys: [
      [["s"], "Stop or start"],
      [["Space"], "Pause or resume"],
      [["r"], "Restart"],
      [["e"], "Open a terminal"],
      [["l"], "Logs"],
      [["F2"], "Rename"],
      [["Del"], "Delete"],
    ],
  },
  {
    title: "Among files",
    keys: [
      [["Enter"], "Open, view"],
      [["Backspace"], "Up, back"],
      [["Ctrl L"], "Type a path"],
      [["a", "z"], "To a name"],
      [["F2"], "Rename"],
      [["Del"], "Delete"],
      [["Ctrl F"], "Search a text"],
    ],
  },
  {
    title: "On a volume",
    keys: [
      [["f"], "Browse files"],
      [["b"], "Back up"],
      [["Del"], "Delete"],
    ],
  },
  {
    title: "On an image",
    keys: [
      [["r"], "Run"],
      [["t"], "Tag"],
      [["p"], "Push"],
      [["s"], "Save to an archive"],
      [["Del"], "Delete"],
    ],
  },
];

export function ShortcutsDialog() {
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && closeOverlay()}
      title="Keyboard shortcuts"
      size="large"
    >
      <div className="shortcuts">
        {groups.map(({ title, keys }) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([alternatives, does]) => (
                <div key={does}>
                  <dt>{does}</dt>
                  <dd>
                    {alternatives.map((each) => (
                      <Kbd key={each} keys={each} />
                    ))}
                    <span className="visually-hidden">{alternatives.join(" or ")}</span>
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
