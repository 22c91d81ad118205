import { createTheme, type MantineColorsTuple } from "@mantine/core";
import { en } from "../text/en";

/** The one accent: the sea under a long line. */
const sea: MantineColorsTuple = [
  "#e9f6fa",
  "#d3e9f0",
  "#a4d2e0",
  "#72bad0",
  "#4ca6c2",
  "#3499ba",
  "#1d7893",
  "#0f6d8c",
  "#085f7c",
  "#00526c",
];

/** Greys with the hue of the night side: text first, ground last. */
const dark: MantineColorsTuple = [
  "#dfe4ea",
  "#c3cad3",
  "#99a4b1",
  "#6d7885",
  "#3a424c",
  "#2e353e",
  "#1c2127",
  "#15191e",
  "#101317",
  "#0b0d10",
];

export const theme = createTheme({
  primaryColor: "sea",
  primaryShade: { light: 7, dark: 6 },
  colors: { sea, dark },
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace',
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  headings: {
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "1.25rem", lineHeight: "1.3" },
      h2: { fontSize: "1rem", lineHeight: "1.4" },
      h3: { fontSize: "0.875rem", lineHeight: "1.4" },
    },
  },
  defaultRadius: "sm",
  radius: { sm: "6px" },
  focusRing: "auto",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: "xs" } },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray" } },
    TextInput: { defaultProps: { size: "sm" } },
    PasswordInput: { defaultProps: { size: "sm" } },
    NumberInput: { defaultProps: { size: "sm" } },
    Select: { defaultProps: { size: "sm", comboboxProps: { shadow: "md" } } },
    Textarea: { defaultProps: { size: "sm" } },
    SegmentedControl: { defaultProps: { withItemsBorders: false } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true, multiline: true } },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": en.common.close } } },
    Modal: { defaultProps: { centered: true } },
    // The page has one banner: the head of a dialog is none.
    ModalHeader: { defaultProps: { component: "div" } },
    DrawerHeader: { defaultProps: { component: "div" } },
    Menu: { defaultProps: { shadow: "md" } },
    Popover: { defaultProps: { shadow: "md" } },
  },
});
