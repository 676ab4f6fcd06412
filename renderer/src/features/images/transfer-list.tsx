import { useMemo } from "react";
import { useCancelOperation } from "../../queries/activity.ts";
import { useImageActions } from "../../queries/image-actions.ts";
import { useTransfers } from "../../queries/images.ts";
import { openOverlay } from "../../state/overlays.ts";
import {
  dismissTransfer,
  forgetTransferFailure,
  useTransferFailures,
} from "../../state/transfer-failures.ts";
import { typeReference } from "./pull-box.tsx";
import { registryOf } from "./reference.ts";
import { type TransferDeeds, TransferRow } from "./transfer-row.tsx";
import { type ShownTransfer, shownTransfers } from "./transfer-view.ts";
import "./transfers.css";

/** What comes and goes, and what could not. */
export function TransferList(props: {
  /** Only these. */
  only?: (transfer: ShownTransfer) => boolean;
}) {
  const { only } = props;
  const { items } = useTransfers();
  const { failures, dismissed } = useTransferFailures();
  const deeds = useTransferDeeds();
  const shown = useMemo(
    () => shownTransfers(items.values(), failures, dismissed),
    [items, failures, dismissed],
  );
  const rows = only ? shown.filter(only) : shown;
  if (rows.length === 0) return null;
  return (
    <ul className="transfers" aria-label="Pulls and pushes">
      {rows.map((transfer) => (
        <TransferRow key={transfer.id} transfer={transfer} deeds={deeds} />
      ))}
    </ul>
  );
}

function useTransferDeeds(): TransferDeeds {
  const cancel = useCancelOperation();
  const actions = useImageActions();
  return useMemo(() => {
    const dismiss = (transfer: ShownTransfer): void => {
      forgetTransferFailure(transfer);
      dismissTransfer(transfer.id);
    };
    return {
      dismiss,
      cancel: ({ id }) => cancel(id),
      retry: (transfer) => {
        const { direction, reference, platform } = transfer;
        dismiss(transfer);
        if (direction === "pull") void actions.pull(reference, platform);
        else void actions.push(reference);
      },
      signIn: ({ direction, reference, platform }) =>
        openOverlay({
          ...{ kind: "sign-in", host: registryOf(reference) },
          retry: { direction, reference, platform },
        }),
      edit: (transfer) => {
        dismiss(transfer);
        typeReference(transfer.reference);
      },
    };
  }, [cancel, actions]);
}
