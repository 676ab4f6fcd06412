import { ArrowDownToLine, ArrowUpFromLine, ChevronRight, X } from "lucide-react";
import { useState } from "react";
import { Button, IconButton } from "../../components/button.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { bytes, joined, plural, shortDigest } from "../../components/format.ts";
import { Icon } from "../../components/icon.tsx";
import { ByteCount, ByteRate } from "../../components/quantity.tsx";
import { Progress } from "../../components/spinner.tsx";
import { useNow } from "../../components/since.tsx";
import { Mark } from "../../components/status-mark.tsx";
import { LayerBar } from "./layer-bar.tsx";
import {
  layerLook,
  type ShownTransfer,
  type TransferLayer,
  transferTotals,
  transferWord,
} from "./transfer-view.ts";

/** What can be done with a transfer, from its row. */
export interface TransferDeeds {
  cancel: (transfer: ShownTransfer) => void;
  retry: (transfer: ShownTransfer) => void;
  signIn: (transfer: ShownTransfer) => void;
  edit: (transfer: ShownTransfer) => void;
  dismiss: (transfer: ShownTransfer) => void;
}

/** A pull or a push: all layers in one bar, a line of each when opened; or why it failed and what can be done. */
export function TransferRow(props: { transfer: ShownTransfer; deeds: TransferDeeds }) {
  const { transfer, deeds } = props;
  const { reference, status } = transfer;
  return (
    <li className="transfer" aria-label={`${transferWord(transfer)} ${reference}`}>
      {status === "failed" ? (
        <Failed transfer={transfer} deeds={deeds} />
      ) : (
        <Running transfer={transfer} onCancel={() => deeds.cancel(transfer)} />
      )}
    </li>
  );
}

function Failed(props: { transfer: ShownTransfer; deeds: TransferDeeds }) {
  const { transfer, deeds } = props;
  const { reference, error } = transfer;
  const unreadable = transfer.local && error?.code === "INVALID_ARGUMENT";
  return (
    <ErrorNote
      title={`${transferWord(transfer)}: ${reference}`}
      error={error}
      onDismiss={() => deeds.dismiss(transfer)}
      actions={
        <>
          {error?.code === "UNAUTHENTICATED" && (
            <Button variant="link" onClick={() => deeds.signIn(transfer)}>
              Sign in…
            </Button>
          )}
          {unreadable ? (
            <Button variant="link" onClick={() => deeds.edit(transfer)}>
              Correct it
            </Button>
          ) : (
            <Button variant="link" onClick={() => deeds.retry(transfer)}>
              Try again
            </Button>
          )}
        </>
      }
    />
  );
}

function Running(props: { transfer: ShownTransfer; onCancel: () => void }) {
  const { transfer, onCancel } = props;
  const { direction, reference, layers, startedAt } = transfer;
  const [open, setOpen] = useState(false);
  const now = useNow();
  const word = transferWord(transfer);
  const { size, done, moved, ready } = transferTotals(layers);
  return (
    <>
      <div className="transfer__line">
        <button
          type="button"
          className="transfer__name"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          <Icon of={ChevronRight} size={14} className="transfer__chevron" />
          <Icon of={direction === "pull" ? ArrowDownToLine : ArrowUpFromLine} size={14} />
          <b className="truncate" title={reference}>
            {reference}
          </b>
          <span className="transfer__word">{word}</span>
        </button>
        <LayerBar label={`${word} ${reference}`} direction={direction} layers={layers} />
        <span className="transfer__bytes num" title={`${done} of ${size} bytes`}>
          {layers.length > 0 && (
            <>
              {joined(bytes(done))} <span className="dim">of</span> {joined(bytes(size))}
            </>
          )}
        </span>
        <span className="transfer__rate num muted" title="On average, since it began">
          {moved > 0 && <ByteRate value={moved / Math.max(1, (now - startedAt) / 1000)} />}
        </span>
        <span className="transfer__layers-ready num muted">
          {layers.length > 0 && `${ready} of ${plural(layers.length, "layer")}`}
        </span>
        <IconButton size="small" icon={X} label={`Cancel ${reference}`} onClick={onCancel} />
      </div>
      {open && (
        <ul className="transfer__layers">
          {layers.length === 0 && <li className="dim">Its layers are not known yet.</li>}
          {layers.map((layer) => (
            <LayerLine key={layer.digest} layer={layer} direction={direction} />
          ))}
        </ul>
      )}
    </>
  );
}

function LayerLine(props: { layer: TransferLayer; direction: ShownTransfer["direction"] }) {
  const { digest, size, done, state } = props.layer;
  const { shape, tone, word } = layerLook(state, props.direction);
  return (
    <li className={`transfer__layer transfer__layer--${state}`}>
      <span className="mono muted selectable" title={digest}>
        {shortDigest(digest)}
      </span>
      <span className={`status status--${tone}`}>
        <Mark shape={shape} tone={tone} />
        {word}
      </span>
      <Progress
        value={size > 0 ? done / size : undefined}
        label={`${word} ${shortDigest(digest)}`}
      />
      <span className="transfer__bytes num">
        {state === "moving" && (
          <>
            {joined(bytes(done))} <span className="dim">of</span>{" "}
          </>
        )}
        <ByteCount value={size} />
      </span>
    </li>
  );
}
