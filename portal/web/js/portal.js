// Everything here improves a page that already works without it. No words in this file: they come from data- attributes.
import { watchHold } from "./hold.js";
import { watchForms } from "./forms.js";
import { watchLive } from "./live.js";
import { watchLook } from "./menu.js";
import { watchPush } from "./push.js";
import { watchWait } from "./wait.js";
import { watchZone } from "./zone.js";

watchZone();
watchForms();
watchHold();
watchLive();
watchLook();
watchPush();
watchWait();
