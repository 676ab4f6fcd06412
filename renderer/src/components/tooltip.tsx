import * as Radix from "radix-ui/tooltip";
import { type ReactNode, useState } from "react";
import { Kbd } from "./kbd.tsx";
import "./tooltip.css";

/** Mounted once, around the window: tips share one delay, so that moving along a toolbar is quick. */
export function TooltipProvider(props: { children: ReactNode }) {
  return (
    <Radix.Provider delayDuration={450} skipDelayDuration={250}>
      {props.children}
    </Radix.Provider>
  );
}

/**
 * A hint on hover and focus. The child must be one element that takes a ref. Without content the child
 * stays where it is, so that it keeps its focus when there is something to say.
 */
export function Tooltip(props: {
  content: ReactNode;
  shortcut?: string;
  side?: "top" | "right" | "bottom" | "left";
  children: ReactNode;
}) {
  const { content, shortcut, side = "bottom", children } = props;
  const [open, setOpen] = useState(false);
  return (
    <Radix.Root open={open && Boolean(content)} onOpenChange={setOpen}>
      <Radix.Trigger asChild>{children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className="tooltip" side={side} sideOffset={6} collisionPadding={8}>
          {content}
          {shortcut && <Kbd keys={shortcut} />}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
