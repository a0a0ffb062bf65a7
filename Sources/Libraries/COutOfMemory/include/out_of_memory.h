// Has no functions to call: a program that has this library ends with a sentence where memory runs out.
#pragma once
