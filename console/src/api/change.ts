/** A change over REST: what it makes stale is read again, and what went wrong is told. */

import { notifications } from "@mantine/notifications";
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { useText } from "../text";
import { problemText } from "./problemText";
import { readAgain } from "./readAgain";
import { recently } from "./recent";

type Options<R> = {
  /** Queries to be read again. */
  stale?: readonly QueryKey[];
  /** Told when it is done. */
  done?: string;
  onDone?: (answer: R) => void;
  /** The form itself shows what went wrong. */
  quiet?: boolean;
};

export function useChange<T, R>(change: (wanted: T) => Promise<R>, options: Options<R> = {}) {
  const text = useText();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (wanted: T) => recently(() => change(wanted)),
    onSuccess: answer => {
      for (const queryKey of options.stale ?? []) void readAgain(queries, queryKey);
      if (options.done) notifications.show({ message: options.done });
      options.onDone?.(answer);
    },
    onError: error => {
      if (!options.quiet) notifications.show({ color: "red", message: problemText(error, text) });
    },
  });
}
