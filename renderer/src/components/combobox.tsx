import * as Radix from "radix-ui/popover";
import type { LucideIcon } from "lucide-react";
import {
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  useEffect,
  useId,
  useRef,
  useState,
} from "react";
import { cx } from "./cx.ts";
import { Field, type FieldProps } from "./fields.tsx";
import { Icon } from "./icon.tsx";
import "./combobox.css";

export interface ComboOption {
  value: string;
  label: ReactNode;
  /** At the right, dim. */
  detail?: ReactNode;
  icon?: LucideIcon;
  /** What is always offered, apart from what was found. */
  apart?: boolean;
}

export interface ComboboxProps extends FieldProps {
  value: string;
  onChange: (value: string) => void;
  options: readonly ComboOption[];
  onPick: (value: string) => void;
  /** Enter without an option chosen. */
  onEnter?: () => void;
  /** Enter takes the first option, unless another one is chosen. */
  firstChosen?: boolean;
  mono?: boolean;
  icon?: LucideIcon;
  placeholder?: string;
  autoFocus?: boolean;
  /** Inside the box, at its right. */
  trailing?: ReactNode;
  /** What stands in it is one thing, which is typed over: it is selected whole. */
  whole?: boolean;
  onBlur?: () => void;
  ref?: Ref<HTMLInputElement>;
}

/** A text field with a list of what it may become, as one types: arrows choose, Enter takes, Escape closes. */
export function Combobox(props: ComboboxProps) {
  const { label, hideLabel, hint, error, aside, className, ...rest } = props;
  const { value, onChange, options, onPick, onEnter, firstChosen, mono, icon, trailing } = rest;
  const { placeholder, autoFocus, whole, onBlur, ref } = rest;
  const [open, setOpen] = useState(false);
  const [moved, setMoved] = useState<number>();
  const anchor = useRef<HTMLDivElement>(null);
  const id = useId();
  const shown = open && options.length > 0;
  const at = Math.min(moved ?? (firstChosen ? 0 : -1), options.length - 1);
  const chosen = shown ? options[at] : undefined;
  useEffect(() => {
    if (chosen) document.getElementById(`${id}-${at}`)?.scrollIntoView({ block: "nearest" });
  }, [chosen, id, at]);

  const close = (): void => {
    setOpen(false);
    setMoved(undefined);
  };
  const pick = (option: ComboOption): void => {
    close();
    onPick(option.value);
  };
  const step = (by: 1 | -1): void => {
    const last = options.length - 1;
    setOpen(true);
    if (!shown) return;
    const next = at + by;
    setMoved(next > last ? 0 : next < 0 ? last : next);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") step(1);
    else if (event.key === "ArrowUp") step(-1);
    else if (event.key === "Enter" && !event.ctrlKey) {
      if (chosen) pick(chosen);
      else {
        close();
        onEnter?.();
      }
    } else if (event.key === "Tab" && chosen && moved !== undefined) pick(chosen);
    else return;
    event.preventDefault();
  };

  return (
    <Radix.Root open={shown} onOpenChange={(next) => !next && close()}>
      <Field {...{ label, hideLabel, hint, error, aside, className }}>
        {(control) => (
          <Radix.Anchor asChild>
            <div ref={anchor} className={cx("input", mono && "mono")}>
              {icon && <Icon of={icon} size={15} className="input__icon" />}
              <input
                {...control}
                ref={ref}
                role="combobox"
                aria-expanded={shown}
                aria-autocomplete="list"
                aria-controls={shown ? `${id}-list` : undefined}
                aria-activedescendant={chosen ? `${id}-${at}` : undefined}
                autoComplete="off"
                spellCheck={false}
                placeholder={placeholder}
                // Whoever opens the dialog it stands in decides.
                // oxlint-disable-next-line jsx-a11y/no-autofocus
                autoFocus={autoFocus}
                value={value}
                onFocus={(event) => whole && event.target.select()}
                onBlur={() => {
                  close();
                  onBlur?.();
                }}
                onClick={(event) => {
                  setOpen(true);
                  if (whole) event.currentTarget.select();
                }}
                onKeyDown={onKeyDown}
                onChange={(event) => {
                  onChange(event.target.value);
                  setOpen(true);
                  setMoved(undefined);
                }}
              />
              {trailing}
            </div>
          </Radix.Anchor>
        )}
      </Field>
      <Radix.Portal>
        <Radix.Content
          // Its list says what it is.
          role="presentation"
          className="combobox"
          align="start"
          sideOffset={4}
          collisionPadding={8}
          onOpenAutoFocus={(event) => event.preventDefault()}
          onCloseAutoFocus={(event) => event.preventDefault()}
          onInteractOutside={(event) => {
            if (event.target instanceof Node && anchor.current?.contains(event.target)) {
              event.preventDefault();
            }
          }}
        >
          <ul id={`${id}-list`} role="listbox" aria-label={label}>
            {options.map((option, index) => (
              // The field has the focus and the keys; an option is only pointed at.
              // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
              <li
                key={option.value}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === at}
                className={cx("combobox__option", option.apart && "combobox__option--apart")}
                // The focus stays where one types.
                onPointerDown={(event) => event.preventDefault()}
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => pick(option)}
                onPointerMove={() => setMoved(index)}
              >
                {option.icon && <Icon of={option.icon} size={15} />}
                <span className={cx("truncate", mono && "mono")}>{option.label}</span>
                {option.detail && <span className="combobox__detail">{option.detail}</span>}
              </li>
            ))}
          </ul>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
