"""Result cards to tables: reads cards, never data or methods."""
