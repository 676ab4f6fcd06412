import { ArrowUpFromLine, Ellipsis, Play, Tag } from "lucide-react";
import type { Image } from "#shared/contract/images";
import { Button, IconButton } from "../../components/button.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { shortId } from "../../components/format.ts";
import { Menu } from "../../components/menu.tsx";
import { ByteCount } from "../../components/quantity.tsx";
import { Since } from "../../components/since.tsx";
import { clearRowError, useRowErrors } from "../../state/row-errors.ts";
import { useImageCommands } from "../images/commands.ts";
import { imageMenu } from "../images/image-menu.ts";
import { imageName } from "../images/reference.ts";

/** Name and size, and what can be done. */
export function ImageHead(props: { image: Image }) {
  const { image } = props;
  const { id, names, platform, size, createdAt } = image;
  const name = imageName(image);
  const commands = useImageCommands();
  const failure = useRowErrors(({ errors }) => errors.get(id));
  return (
    <header className="inspector-head">
      <div className="inspector-head__name">
        <h2 className="truncate selectable" title={name}>
          {names.length > 0 ? name : "An image without a name"}
        </h2>
      </div>
      <p className="inspector-head__facts muted">
        <span className="mono dim selectable" title={id}>
          {shortId(id)}
        </span>
        <span>{platform}</span>
        <ByteCount value={size} />
        {createdAt > 0 && <Since time={createdAt} />}
      </p>
      <div className="inspector-head__actions">
        <Button icon={Play} shortcut="r" tip={`Run ${name}`} onClick={() => commands.run(id)}>
          Run
        </Button>
        <Button
          icon={Tag}
          shortcut="t"
          tip="Give it one more name"
          onClick={() => commands.tag(id)}
        >
          Tag
        </Button>
        <Button
          icon={ArrowUpFromLine}
          shortcut="p"
          tip="Send it to a registry"
          disabledReason={names.length === 0 && "It has no name: tag it first"}
          onClick={() => commands.push(id)}
        >
          Push
        </Button>
        <Menu entries={imageMenu([image], commands)}>
          <IconButton icon={Ellipsis} label={`More for ${name}`} />
        </Menu>
      </div>
      {failure && (
        <ErrorNote
          className="inspector-head__note"
          title={failure.title}
          error={failure.error}
          onDismiss={() => clearRowError(id)}
        />
      )}
    </header>
  );
}
