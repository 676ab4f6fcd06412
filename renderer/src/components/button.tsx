import type { LucideIcon } from "lucide-react";
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import { cx } from "./cx.ts";
import { Icon } from "./icon.tsx";
import { Spinner } from "./spinner.tsx";
import { Tooltip } from "./tooltip.tsx";
import "./button.css";

interface Common extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "disabled"> {
  /** Why it can't be pressed now; it stays focusable and says so. */
  disabledReason?: string | false | undefined;
  /** For what needs no reason, as an empty form. */
  disabled?: boolean;
  shortcut?: string;
  ref?: Ref<HTMLButtonElement>;
}

export interface ButtonProps extends Common {
  /** `primary`: the one thing to do here. `link`: an action within text. */
  variant?: "primary" | "secondary" | "ghost" | "danger" | "link";
  icon?: LucideIcon;
  busy?: boolean;
  /** Shown on hover, with the shortcut. */
  tip?: ReactNode;
}

export function Button(props: ButtonProps) {
  const {
    variant = "secondary",
    icon,
    busy,
    tip,
    shortcut,
    disabledReason,
    disabled,
    className,
    children,
    onClick,
    ...rest
  } = props;
  const off = Boolean(disabledReason) || disabled || busy;
  return (
    <Tooltip content={disabledReason || tip} shortcut={disabledReason ? undefined : shortcut}>
      <button
        type="button"
        className={cx("button", `button--${variant}`, className)}
        aria-disabled={off || undefined}
        aria-busy={busy || undefined}
        {...rest}
        onClick={(event) => {
          if (off) event.preventDefault();
          else onClick?.(event);
        }}
      >
        {busy ? <Spinner size={14} /> : icon && <Icon of={icon} size={15} />}
        {children}
      </button>
    </Tooltip>
  );
}

export interface IconButtonProps extends Common {
  /** Its name for screen readers, and its tip. */
  label: string;
  icon: LucideIcon;
  size?: "small" | "medium";
  danger?: boolean;
  /** For a toggle. */
  pressed?: boolean;
  tipSide?: "top" | "right" | "bottom" | "left";
}

export function IconButton(props: IconButtonProps) {
  const {
    label,
    icon,
    size = "medium",
    danger,
    pressed,
    tipSide,
    shortcut,
    disabledReason,
    disabled,
    className,
    onClick,
    ...rest
  } = props;
  const off = Boolean(disabledReason) || disabled;
  return (
    <Tooltip
      content={disabledReason ? `${label}: ${disabledReason}` : label}
      shortcut={disabledReason ? undefined : shortcut}
      side={tipSide}
    >
      <button
        type="button"
        className={cx(
          "icon-button",
          size === "small" && "icon-button--small",
          danger && "icon-button--danger",
          className,
        )}
        aria-label={label}
        aria-pressed={pressed}
        aria-disabled={off || undefined}
        {...rest}
        onClick={(event) => {
          if (off) event.preventDefault();
          else onClick?.(event);
        }}
      >
        <Icon of={icon} size={size === "small" ? 14 : 16} />
      </button>
    </Tooltip>
  );
}
