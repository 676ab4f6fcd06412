import { ChevronDown, Download, FolderInput } from "lucide-react";
import { useState } from "react";
import type { Image } from "#shared/contract/images";
import { Combobox, type ComboOption } from "../../components/combobox.tsx";
import { bytes, joined } from "../../components/format.ts";
import { Icon } from "../../components/icon.tsx";
import { Spinner } from "../../components/spinner.tsx";
import { useSuggestions } from "../../queries/images.ts";
import { closeOverlay, openOverlay } from "../../state/overlays.ts";
import { typeReference } from "../images/pull-box.tsx";
import { ReferenceText } from "../images/reference-text.tsx";
import { imageName } from "../images/reference.ts";
import { parseImageFilter } from "../images/view.ts";

/** At most so many are offered; one types on rather than scroll through more. */
const mostImages = 40;
const mostPulls = 5;

/** An image of this machine by its name or id, or one to pull. */
export function ImagePicker(props: {
  /** In the order offered. */
  images: readonly Image[];
  value: string;
  onPick: (id: string) => void;
  /** What is being pulled for it. */
  pulling: string | undefined;
  onPull: (reference: string) => void;
  error?: string | undefined;
  placeholder: string;
}) {
  const { images, value, onPick, pulling, onPull, error, placeholder } = props;
  /** Undefined while nothing is typed: then the chosen one's name is there. */
  const [typed, setTyped] = useState<string>();
  const text = typed?.trim() ?? "";
  const suggestions = useSuggestions(text);
  const chosen = images.find(({ id }) => id === value);
  const found = images.filter(parseImageFilter(text));
  // What begins with the text is meant sooner than what only has it somewhere.
  const leading = text === "" ? [] : found.filter(({ names }) => names.some(begins(text)));
  const local = [...leading, ...found.filter((image) => !leading.includes(image))];
  const here = new Set(images.flatMap(({ names }) => names));
  const pulls =
    text === "" ? [] : [...new Set([text, ...suggestions])].filter((each) => !here.has(each));
  const options: ComboOption[] = [
    ...local.slice(0, mostImages).map((image) => ({
      value: image.id,
      label: <ReferenceText of={imageName(image)} />,
      detail: joined(bytes(image.size)),
    })),
    ...pulls.slice(0, mostPulls).map((reference) => ({
      value: `pull ${reference}`,
      label: reference,
      icon: Download,
      detail: "pull",
    })),
    ...(text === ""
      ? [
          { value: "pull", label: "Pull an image…", icon: Download, apart: true },
          { value: "import", label: "Load or import…", icon: FolderInput },
        ]
      : []),
  ];
  const pick = (option: string): void => {
    setTyped(undefined);
    if (option === "pull") {
      closeOverlay();
      typeReference("");
    } else if (option === "import") openOverlay({ kind: "import", source: "archive" });
    else if (option.startsWith("pull ")) onPull(option.slice("pull ".length));
    else onPick(option);
  };
  return (
    <Combobox
      label="Image"
      mono
      placeholder={placeholder}
      value={typed ?? pulling ?? (chosen ? imageName(chosen) : "")}
      onChange={setTyped}
      options={options}
      onPick={pick}
      firstChosen={leading.length > 0 || (text !== "" && local.length === 0)}
      onEnter={() => text !== "" && pick(`pull ${text}`)}
      whole={typed === undefined}
      onBlur={() => setTyped(undefined)}
      error={error}
      trailing={
        pulling === undefined ? (
          <Icon of={ChevronDown} size={14} className="input__icon" />
        ) : (
          <Spinner size={13} />
        )
      }
    />
  );
}

/** Whether a name, or its last part, begins with a text. */
function begins(text: string): (name: string) => boolean {
  return (name) => name.startsWith(text) || name.slice(name.lastIndexOf("/") + 1).startsWith(text);
}
