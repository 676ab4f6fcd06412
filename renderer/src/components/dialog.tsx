import * as Radix from "radix-ui/dialog";
import { X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Button, IconButton } from "./button.tsx";
import { Checkbox } from "./fields.tsx";
import "./dialog.css";

/** Whether something lies over the window that has to be answered or closed first: keys that act below it wait. */
export function isDialogOpen(): boolean {
  return document.querySelector("[role=dialog]") !== null;
}

export interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: ReactNode;
  size?: "small" | "medium" | "large";
  /** The buttons, the last one being the one that does it. */
  footer?: ReactNode;
  children?: ReactNode;
}

/**
 * A modal dialog. Its shade is ours, not Radix' Overlay: that one injects a style to lock scrolling,
 * which the CSP forbids, and the window itself never scrolls.
 */
export function Dialog(props: DialogProps) {
  const { open, onOpenChange, title, description, size = "medium", footer, children } = props;
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <div className="dialog-shade" />
        <Radix.Content
          className={`dialog dialog--${size}`}
          {...(description ? {} : { "aria-describedby": undefined })}
          onEscapeKeyDown={(event) => {
            // What closes by itself, as a name being edited, is all that this key closes.
            const { target } = event;
            if (target instanceof Element && target.closest("[data-escape]")) {
              event.preventDefault();
            }
          }}
          onOpenAutoFocus={(event) => {
            // Not on the close button, where Radix would put it when nothing inside asks for it.
            event.preventDefault();
            if (event.currentTarget instanceof HTMLElement) event.currentTarget.focus();
          }}
        >
          <header className="dialog__head">
            <Radix.Title className="dialog__title">{title}</Radix.Title>
            <Radix.Close asChild>
              <IconButton icon={X} label="Close" shortcut="Esc" />
            </Radix.Close>
            {description && (
              <Radix.Description className="dialog__description">{description}</Radix.Description>
            )}
          </header>
          {children && <div className="dialog__body">{children}</div>}
          {footer && <footer className="dialog__foot">{footer}</footer>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

export interface ConfirmDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** Names what is lost. */
  children: ReactNode;
  /** The verb: `Delete`. */
  action: string;
  /** One choice that goes with it: `Also delete its 3 checkpoints`. */
  option?: { label: string; hint?: string; initial?: boolean };
  onConfirm: (option: boolean) => void;
}

/** Asks once before something is lost. Enter confirms, Escape leaves all as it is. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { open, onOpenChange, title, children, action, option, onConfirm } = props;
  const [chosen, setChosen] = useState(option?.initial ?? false);
  const confirm = (): void => {
    onOpenChange(false);
    onConfirm(chosen);
  };
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={title}
      size="small"
      footer={
        <>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button variant="danger" onClick={confirm} autoFocus>
            {action}
          </Button>
        </>
      }
    >
      <div className="dialog__prose">{children}</div>
      {option && (
        <Checkbox checked={chosen} onChange={setChosen} label={option.label} hint={option.hint} />
      )}
    </Dialog>
  );
}
