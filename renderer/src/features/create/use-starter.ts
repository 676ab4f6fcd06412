import { useMutation } from "@tanstack/react-query";
import { useEffect } from "react";
import { useClient } from "../../queries/client.tsx";
import { useImages } from "../../queries/images.ts";

/** Makes the starter image where there is no image at all; `retry` after `error` said why it could not. */
export function useStarter(): { making: boolean; error: unknown; retry: () => void } {
  const client = useClient();
  const images = useImages();
  const { mutate, isPending, isIdle, error } = useMutation({
    mutationFn: () => client.call("images.ensureStarter", {}),
  });
  const none = images.status === "live" && images.items.size === 0;
  useEffect(() => {
    if (none && isIdle) mutate();
  }, [none, isIdle, mutate]);
  return { making: none && (isPending || isIdle), error: none ? error : null, retry: mutate };
}
