import { createContext, useContext } from "react";
import { en } from "./en";

export type Text = typeof en;

/** Another language is another object of this type. */
export const TextContext = createContext<Text>(en);

/** `const text = useText(); <Button>{text.common.cancel}</Button>` */
export function useText(): Text {
  return useContext(TextContext);
}
