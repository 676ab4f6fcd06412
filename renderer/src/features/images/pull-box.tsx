import { ChevronDown, Cpu, Download } from "lucide-react";
import { useState } from "react";
import { create } from "zustand";
import { Button } from "../../components/button.tsx";
import { Combobox } from "../../components/combobox.tsx";
import { errorInfo, sentence } from "../../components/error-note.tsx";
import { Menu, type MenuEntry } from "../../components/menu.tsx";
import { useImageActions } from "../../queries/image-actions.ts";
import { useImages, usePlatforms, useSuggestions } from "../../queries/images.ts";
import { setImageView } from "../../state/image-list.ts";
import { goTo } from "../../state/layout.ts";
import { ReferenceText } from "./reference-text.tsx";

/** What is typed; it stays while one looks elsewhere. */
const usePullText = create<{ text: string }>(() => ({ text: "" }));

/** Goes to the box, from wherever one is, with this in it. */
export function typeReference(text = usePullText.getState().text): void {
  usePullText.setState({ text });
  setImageView("images");
  goTo("images");
  // After the page that holds it has been drawn.
  requestAnimationFrame(() =>
    document.querySelector<HTMLInputElement>(".pull-box input")?.select(),
  );
}

/** Where one writes what is to be pulled, completed from what is here, what was pulled and what there is. */
export function PullBox() {
  const { text } = usePullText();
  const setText = (next: string): void => usePullText.setState({ text: next });
  const [platform, setPlatform] = useState<string>();
  const actions = useImageActions();
  const suggestions = useSuggestions(text);
  const images = useImages();
  const here = new Set([...images.items.values()].flatMap(({ names }) => names));
  const reference = text.trim();
  const pull = (): void => {
    if (reference === "") return;
    setText("");
    setPlatform(undefined);
    void actions.pull(reference, platform);
  };
  return (
    <form
      className="pull-box"
      aria-label="Pull an image"
      onSubmit={(event) => {
        event.preventDefault();
        pull();
      }}
    >
      <Combobox
        label="Image to pull"
        hideLabel
        mono
        icon={Download}
        placeholder="Pull an image: alpine, ghcr.io/owner/name:tag, 127.0.0.1:5000/name"
        value={text}
        onChange={(next) => {
          setText(next);
          setPlatform(undefined);
        }}
        onPick={setText}
        onEnter={pull}
        options={suggestions
          .filter((suggestion) => suggestion !== text)
          .map((suggestion) => ({
            value: suggestion,
            label: <ReferenceText of={suggestion} />,
            detail: here.has(suggestion) ? "here" : undefined,
          }))}
        trailing={
          reference !== "" && (
            <PlatformMenu
              key={reference}
              reference={reference}
              value={platform}
              onChange={setPlatform}
            />
          )
        }
      />
      <Button
        type="submit"
        variant={reference === "" ? "secondary" : "primary"}
        disabled={reference === ""}
      >
        Pull
      </Button>
    </form>
  );
}

/** For which machine: this one unless another is chosen. The registry is asked when the menu opens. */
function PlatformMenu(props: {
  reference: string;
  value: string | undefined;
  onChange: (platform: string | undefined) => void;
}) {
  const { reference, value, onChange } = props;
  const [asked, setAsked] = useState(false);
  const { data, error } = usePlatforms(reference, asked);
  const found: MenuEntry[] = error
    ? [{ kind: "heading", label: sentence(errorInfo(error).message) }]
    : data
      ? data.map((platform) => ({
          label: platform,
          checked: value === platform,
          onSelect: () => onChange(platform),
        }))
      : [{ kind: "heading", label: "Asking the registry…" }];
  return (
    <Menu
      onOpenChange={(open) => open && setAsked(true)}
      entries={[
        {
          label: "This computer’s platform",
          checked: value === undefined,
          onSelect: () => onChange(undefined),
        },
        { kind: "separator" },
        ...found,
      ]}
    >
      <button type="button" className="pull-box__platform" aria-label="For which platform">
        <Cpu size={13} strokeWidth={1.5} aria-hidden="true" />
        {value && <span>{value}</span>}
        <ChevronDown size={12} strokeWidth={1.5} aria-hidden="true" />
      </button>
    </Menu>
  );
}
