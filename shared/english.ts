/**
 * Words for what is wrong with a value: zod's light form says "Invalid input" and no more until it is given a language. Imported, and nothing
 * else, wherever a schema's words reach a person.
 */
import * as z from 'zod/mini'
import en from 'zod/v4/locales/en.js'

z.config(en())
